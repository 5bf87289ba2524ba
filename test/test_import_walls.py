"""The walls of the house: who may import what, and which Python the robot code must suit."""

import ast
import os
import subprocess
import sys
from multiprocessing.pool import ThreadPool
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CORES = os.cpu_count() or 1
WORKSTATION = ("models", "drives", "reports", "evaluation", "learning", "deployment", "benchmarks",
               "commands")


def _modules(package):
    paths = sorted(p for p in (ROOT / package).rglob("*.py"))
    return {".".join(p.relative_to(ROOT).with_suffix("").parts).replace(".__init__", ""): p for p in paths}


CORE = _modules("bisenet_core")
NODE = _modules("bisenet_ros")
EXAMPLES = _modules("examples")
NODE_TOOLS = ("demo", "load", "benchmark", "soak", "replay")  # workstation code
ROBOT_NODE = {name: path for name, path in NODE.items() if not set(name.split(".")[1:2]) & set(NODE_TOOLS)}


def _is_robot(name):
    parts = name.split(".")
    return name != "bisenet_core.cli" and not (len(parts) > 1 and parts[1] in WORKSTATION)


ROBOT_CORE = [name for name in CORE if _is_robot(name)]
MODELS_MAY_USE = ("bisenet_core.models", "bisenet_core.labels.label_space", "bisenet_core.errors")
LEARNING = tuple(f"bisenet_core.{name}" for name in ("models", "learning", "deployment", "benchmarks"))
LEARNING_MODULES = [name for name in CORE if name.startswith(LEARNING)]
NO_TORCH = [name for name in CORE if not name.startswith(LEARNING)]

# a bare interpreter that imports one module and prints the packages and subpackages that came with it
PROBE = """
import importlib, sys
importlib.import_module(sys.argv[1])
print(*sorted({'.'.join(name.split('.')[:depth]) for name in sys.modules for depth in (1, 2)}))
"""

# The same for many modules that need PyTorch, each in a fork of an interpreter that has loaded the libraries:
# to load them takes seconds, and is not what is asked.
FORKING_PROBE = """
import importlib, os, sys
import lightning, torch
for module in sys.argv[1:]:
    child = os.fork()
    if not child:
        importlib.import_module(module)
        print(module, *sorted({'.'.join(n.split('.')[:depth]) for n in sys.modules for depth in (1, 2)}))
        sys.stdout.flush()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0, module + " does not import by itself"
"""


@pytest.fixture(scope="module")
def brought_by_learning():
    """Module -> what it brings, of those that need PyTorch."""
    pytest.importorskip("lightning", reason="networks and training need PyTorch")
    parts = [LEARNING_MODULES[first::CORES] for first in range(CORES)]
    with ThreadPool(CORES) as pool:
        output = "".join(pool.map(lambda part: _printed(_ended(FORKING_PROBE, *part), *part), parts))
    return {module: set(brought) for module, *brought in map(str.split, output.splitlines())}


@pytest.fixture(scope="module")
def imported(request):
    """A function: module -> what it brings. The modules of all chosen tests are imported side by side."""
    chosen = {item.callspec.params["module"] for item in request.session.items
              if item.module is request.module and "imported" in item.fixturenames}
    with ThreadPool(CORES) as pool:
        ended = dict(zip(chosen, pool.map(lambda module: _ended(PROBE, module), chosen)))
    return lambda module: set(_printed(ended[module], module).splitlines()[-1].split())


def _ended(code, *modules):
    return subprocess.run(
        [sys.executable, "-c", code, *modules], cwd=str(ROOT), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        universal_newlines=True, check=False,
    )


def _printed(result, *modules):
    assert result.returncode == 0, f"{' or '.join(modules)} does not import by itself:\n{result.stderr}"
    return result.stdout


@pytest.mark.parametrize("module", ROBOT_CORE)
def test_robot_core_brings_only_numpy_cv2_and_yaml(module, imported):
    found = imported(module)
    heavy = {"torch", "lightning", "rclpy", "bisenet_ros", "typer", "rich", "openvino", "onnxruntime",
             "tensorrt", "pycuda", "matplotlib", "rosbags", "onnx"}
    assert not found & heavy


@pytest.mark.parametrize("module", sorted(ROBOT_CORE) + sorted(ROBOT_NODE))
def test_robot_code_never_brings_workstation_code(module, imported):
    if module in NODE:
        pytest.importorskip("rclpy", reason="the node needs ROS 2 (pip install .[ros])")
    workstation = {f"bisenet_core.{folder}" for folder in WORKSTATION}
    workstation |= {"bisenet_core.cli"} | {f"bisenet_ros.{folder}" for folder in NODE_TOOLS}
    assert not imported(module) & workstation


@pytest.mark.parametrize("module", ["bisenet_ros.dds_profile"])
def test_launch_files_may_use_the_profile_without_ros(module, imported):
    assert not imported(module) & {"rclpy", "numpy", "cv2"}


@pytest.mark.parametrize("module", sorted(set(NO_TORCH) - set(ROBOT_CORE)))
def test_workstation_tools_import_without_torch_and_ros(module, imported):
    assert not imported(module) & {"torch", "lightning", "rclpy", "bisenet_ros"}


@pytest.mark.parametrize("module", LEARNING_MODULES)
def test_learning_never_brings_ros(module, brought_by_learning):
    assert not brought_by_learning[module] & {"rclpy", "bisenet_ros"}


@pytest.mark.parametrize("module", sorted(NODE))
def test_node_never_brings_torch(module, imported):
    pytest.importorskip("rclpy", reason="the node needs ROS 2 (pip install .[ros])")
    assert not imported(module) & {"torch", "lightning"}


@pytest.mark.parametrize("name", sorted(ROBOT_CORE) + sorted(ROBOT_NODE) + sorted(EXAMPLES))
def test_robot_code_is_python36_grammar(name):
    path = {**CORE, **NODE, **EXAMPLES}[name]
    source = path.read_text()
    ast.parse(source, str(path), feature_version=(3, 6))
    assert "from __future__ import annotations" not in source


def test_robot_code_needs_no_newer_library_than_python36():
    vermin = Path(sys.executable).with_name("vermin")
    if not vermin.exists():
        pytest.skip("vermin, which knows the age of every library function, is not installed")
    paths = [str({**CORE, **NODE}[name]) for name in ROBOT_CORE + sorted(ROBOT_NODE)]
    options = ["-t=3.6-", "--eval-annotations", "--backport", "dataclasses", "--violations"]
    command = [str(vermin), *options, *paths]
    result = subprocess.run(command, stdout=subprocess.PIPE, universal_newlines=True, check=False)
    assert result.returncode == 0, result.stdout


def _own_imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@pytest.mark.parametrize("name", sorted(CORE))
def test_core_never_names_ros_or_the_node(name):
    assert not [m for m in _own_imports(CORE[name]) if m.split(".")[0] in ("rclpy", "bisenet_ros")]


@pytest.mark.parametrize("name", [n for n in sorted(CORE) if n.startswith("bisenet_core.models")])
def test_models_use_nothing_of_ours_but_label_space_and_errors(name):
    ours = [m for m in _own_imports(CORE[name]) if m.startswith("bisenet_core")]
    assert not [m for m in ours if not m.startswith(MODELS_MAY_USE)]
