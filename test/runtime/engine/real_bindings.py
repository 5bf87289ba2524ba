"""NVIDIA's own bindings, imported in a process of their own, and the names of them that our code uses."""

import ast
import json
import os
import re
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PYTHON36 = ROOT / ".venv36" / "bin" / "python"
#: the tests' name of a real TensorRT -> (its version, the Python that imports it)
REAL = {
    "8.6 on 3.6": ("8.6.1", str(PYTHON36)), "8.6": ("8.6.1", sys.executable),
    "10.3": ("10.3.0", sys.executable), "11.4": ("11.4.0.106", sys.executable),
}

# prints {"": {name of the module: documentation}, class: {name: documentation}}
_INVENTORY = """
import json, tensorrt_bindings as trt
names = lambda thing: {name: str(getattr(thing, name).__doc__) for name in dir(thing)}
classes = {name: names(getattr(trt, name)) for name in dir(trt) if isinstance(getattr(trt, name), type)}
print(json.dumps(dict(classes, **{"": names(trt), "ILogger.Severity": names(trt.ILogger.Severity)})))
"""


def run_with_bindings(name, code):
    """What ``code`` prints where that TensorRT imports as ``tensorrt_bindings``; skips where it does not."""
    version, python = REAL[name]
    if not os.path.exists(python):
        pytest.skip("no Python 3.6 here; scripts/test_python36 sets it up")
    folder = ROOT / ".venv_tensorrt" / name.replace(" ", "_")
    script = str(ROOT / "scripts" / "tensorrt_bindings")
    made = _run([script, python, version, str(folder)], os.environ)
    if made.returncode:
        lines = made.stderr.strip().splitlines() or ["no reason given"]
        pytest.skip("TensorRT {} for {}: {}".format(version, python, lines[-1]))
    paths = [str(folder / "bindings"), str(ROOT), str(Path(__file__).parent)]
    environment = dict(os.environ, LD_LIBRARY_PATH=str(folder / "stubs"), PYTHONPATH=os.pathsep.join(paths))
    done = _run([python, "-c", code], environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


@lru_cache(maxsize=None)
def inventory(name):
    """{class: {attribute: documentation}} of a real TensorRT, the module itself under ""."""
    return json.loads(run_with_bindings(name, _INVENTORY))


def _run(command, environment):
    return subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          universal_newlines=True, check=False)


#: what a variable or attribute of our code holds, "" for the module tensorrt
_HOLDS = {
    "trt": "", "_trt": "", "builder": "Builder", "config": "IBuilderConfig", "network": "INetworkDefinition",
    "parser": "OnnxParser", "runtime": "Runtime", "_runtime": "Runtime", "engine": "ICudaEngine",
    "_engine": "ICudaEngine", "context": "IExecutionContext", "_context": "IExecutionContext",
    "timings": "ITimingCache",
}


class UsedNames(ast.NodeVisitor):
    """Collects (class, name, number of arguments or None) of what a file uses of TensorRT."""

    def __init__(self, path):
        self.used, self._aliases = set(), {}
        self.visit(ast.parse(path.read_text(), str(path)))

    def visit_Assign(self, node):
        """``flags = trt.BuilderFlag``: from here on that class; ``x = ours.call()``: no longer TensorRT's."""
        self.generic_visit(node)
        target, value = node.targets[0], node.value
        if isinstance(target, ast.Name) and self._class_of(value):
            self._aliases[target.id] = self._class_of(value)
        elif isinstance(target, ast.Name) and self._is_our_call(value):
            self._aliases[target.id] = None

    def visit_Attribute(self, node):
        holder = self._class_of(node.value)
        if holder is not None and not node.attr.startswith("__"):
            self.used.add((holder, node.attr, None))
        self.generic_visit(node)

    def visit_Call(self, node):
        function, arguments = node.func, node.args
        self.generic_visit(node)
        if isinstance(function, ast.Attribute):
            method = self._class_of(function.value), function.attr
            if (*method, None) in self.used:
                self.used.add((*method, len(arguments)))
        elif isinstance(function, ast.Name) and function.id in ("hasattr", "getattr"):
            name = arguments[1]
            if isinstance(name, ast.Constant) and self._class_of(arguments[0]) is not None:
                self.used.add((self._class_of(arguments[0]), name.value, None))

    def _is_our_call(self, node):
        owner = getattr(getattr(node, "func", None), "value", None)
        return isinstance(owner, ast.Name) and owner.id != "self" and self._class_of(owner) is None

    def _class_of(self, node):
        name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", None)
        if isinstance(node, ast.Attribute) and self._class_of(node.value) is not None:
            holder = self._class_of(node.value)
            return f"{holder}.{name}".lstrip(".") if name[:1].isupper() and not name.isupper() else None
        return self._aliases.get(name, _HOLDS.get(name))


def accepts(documentation, arguments):
    """Whether a pybind11 method, by its documentation, can be called with so many positional arguments."""
    counts = []
    for given in re.findall(r"^(?:\d+\. )?\w+\(self: [\w.]+(?:, )?(.*)\) ->", documentation, re.MULTILINE):
        parameters = re.split(r", (?=\w+: )", given) if given else []
        counts.append((sum(" = " not in parameter for parameter in parameters), len(parameters)))
    return not counts or any(least <= arguments <= most for least, most in counts)
