"""What docs/security.md promises of the robot's code, held against its source."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# The code that a robot runs.
ROBOT_FILES = ("bisenet_core/*.py", "bisenet_core/labels/**/*.py", "bisenet_core/images/**/*.py",
               "bisenet_core/runtime/**/*.py", "bisenet_ros/*.py", "launch/*.py", "examples/**/*.py",
               "scripts/segmentation_node")
ROBOT = {".".join(path.relative_to(ROOT).with_suffix("").parts).replace(".__init__", ""): path
         for pattern in ROBOT_FILES for path in sorted(ROOT.glob(pattern)) if path.name != "cli.py"}

# All that robot code may import: nothing here turns bytes into code or objects, or opens a connection.
# Launch files start the node, and a viewer where asked.
MODULES = {
    "abc", "array", "collections", "concurrent", "contextlib", "dataclasses", "difflib", "functools",
    "hashlib", "itertools", "json", "logging", "math", "pathlib", "platform", "re", "signal", "site",
    "struct", "sys", "threading", "time", "typing", "unicodedata", "weakref", "zlib",
    "bisenet_core", "bisenet_ros", "cv2", "cv_bridge", "numpy", "onnxruntime", "openvino",
    "ament_index_python", "builtin_interfaces", "diagnostic_msgs", "launch", "launch_ros", "nav_msgs",
    "rcl_interfaces", "rclpy", "sensor_msgs", "std_msgs", "vision_msgs"}
# Modules of which a part is harmless, and those parts.
PARTS = {"os": {"environ", "path", "pathsep", "replace", "sched_getaffinity", "sep", "statvfs"},
         "ctypes": {"CDLL"}, "importlib": {"import_module"}}
# The only places where each of these is used: glibc's mallopt and NVIDIA's driver, and our backends by name.
PLACES = {"ctypes": {"bisenet_core.runtime.memory", "bisenet_core.runtime.candidates"},
          "importlib": {"bisenet_core.runtime.opening"}}
# What more some modules need: files written whole, NVIDIA's own libraries, nvcc, and files that nobody else
# can have written.
_PRIVATE_FILES = {"stat", "tempfile", "os.stat_result", *(f"os.{name}" for name in (
    "O_CLOEXEC", "O_CREAT", "O_NOFOLLOW", "O_RDONLY", "O_RDWR", "close", "fdopen", "fstat", "fsync", "getuid",
    "open", "stat", "unlink"))}
MORE = {
    "bisenet_core.files": {"errno", "fcntl", "stat", *(f"os.{name}" for name in (
        "O_CLOEXEC", "O_NONBLOCK", "O_RDONLY", "close", "fdopen", "fsdecode", "fsencode", "fstat", "fsync",
        "getpid", "open", "strerror"))},
    "bisenet_core.runtime.model_search": {"os.listdir"},
    "bisenet_core.runtime.cuda.compiler": {"shutil", "subprocess", "tempfile"},
    "bisenet_core.runtime.cuda.device": {"ctypes", "pycuda"},
    "bisenet_core.runtime.cuda.libcuda": {"ctypes"},
    "bisenet_core.runtime.cuda.nvrtc": {"ctypes", "glob"},
    "bisenet_core.runtime.engine.builder": {"ctypes"},
    "bisenet_core.runtime.engine.cache": {"fcntl", *_PRIVATE_FILES},
    "bisenet_core.runtime.engine.prepared_onnx": {"onnx", "onnxconverter_common", "warnings"},
    "bisenet_core.runtime.private_files": _PRIVATE_FILES,
    "bisenet_core.runtime.tensorrt_backend": {"tensorrt"},
    "examples.free_space_planner": {"free_space", "planner_inputs"},  # beside it
}
NAMES = {"eval", "exec", "compile", "__import__", "__builtins__"}


def violations(source, name=""):
    """One line for each thing in the source of the module ``name`` that the robot must not do."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if not _may_import(alias.name, alias.asname, name)]
        elif isinstance(node, ast.ImportFrom):
            module = (node.module or "").split(".")[0]
            found += [] if node.level == 0 and module in MODULES else [str(node.module)]
        elif isinstance(node, ast.Name) and node.id in NAMES:
            found.append(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            found += _bad_attribute(node)
    more = MORE.get(name, set())
    return [one for one in found + _loose(source) if not {one, one.split(".")[0]} & more]


def _may_import(module, renamed, name):
    if module in PARTS:
        return renamed is None and name in PLACES.get(module, {name})
    return module.split(".")[0] in MODULES


def _bad_attribute(node):
    module = node.value.id
    unpickles = module in ("np", "numpy") and node.attr in ("load", "memmap", "lib")
    return [ast.unparse(node)] if unpickles or node.attr not in PARTS.get(module, {node.attr}) else []


def _loose(source):
    """Modules of PARTS that are handed on whole, so that nobody sees what is taken of them."""
    tree = ast.parse(source)
    held = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    return [node.id for node in ast.walk(tree)
            if isinstance(node, ast.Name) and node.id in PARTS and id(node) not in held]


def test_robot_code_unpickles_evaluates_and_starts_nothing():
    found = {name: violations(path.read_text(), name) for name, path in ROBOT.items()}
    assert {name: lines for name, lines in found.items() if lines} == {}


FORBIDDEN = [
    "import pickle", "from pickle import loads", "import torch.nn", "x = eval('1')", "exec(code)", "f = eval",
    "__import__(name)", "import yaml", "import builtins", "from builtins import eval as e",
    "np.load(path)", "numpy.load(path, allow_pickle=True)", "import os; os.system('ls')",
    "from os import system", "import os as o; o.system('ls')", "import os; f = os.system", "import os; f(os)",
    "import subprocess", "import asyncio", "import pty", "from urllib.request import urlopen",
    "import importlib", "from importlib import import_module", "import importlib.util", "import ctypes",
    "from ctypes import CDLL", "import ssl", "from . import secret", "def f():\n    import socket"]
ALLOWED = [
    "import json; json.loads(text)", "re.compile('a')", "import os; os.environ['A']",
    "from bisenet_core.errors import InputError", "ModelCard.load(folder)"]


def test_what_is_forbidden_would_be_found_and_what_is_allowed_is_not():
    assert [source for source in FORBIDDEN if not violations(source)] == []
    assert [source for source in ALLOWED if violations(source)] == []


def test_a_module_is_imported_by_name_only_from_a_fixed_table():
    """importlib loads code too: one place uses it, with the names of our backends' modules and libraries."""
    users = [name for name, path in ROBOT.items() if "import_module" in path.read_text()]
    assert set(users) == PLACES["importlib"]


def test_the_walk_covers_the_node_and_the_runtime():
    assert {"bisenet_ros.segmentation_node", "bisenet_core.runtime.model_card", "launch.segmentation.launch",
            "bisenet_core.labels.label_space", "bisenet_core.images.compressed",
            "examples.free_space_planner", "scripts.segmentation_node"} <= set(ROBOT)
    assert set(MORE) <= set(ROBOT)
    assert not {name for name in ROBOT if name.startswith(("bisenet_core.models", "bisenet_ros.demo"))}
