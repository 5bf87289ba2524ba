"""The walls of the house: what an import really brings, and which Python the robot code must suit.

Who may import whom is written in pyproject.toml as contracts of import-linter, which reads the source. What
it cannot see, an import by name or one that a library makes, shows in interpreters that import all modules.
"""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROBOT_ROOMS = ("errors", "files", "labels", "images", "runtime")
TORCH_ROOMS = ("models", "learning", "deployment", "benchmarks")
NODE_TOOLS = ("harness", "demo", "replay")

# imports modules one after the other, and prints every package and subpackage that has come with them
PROBE = """
import importlib, sys
for module in sys.argv[1:]:
    importlib.import_module(module)
print(*sorted({'.'.join(name.split('.')[:depth]) for name in sys.modules for depth in (1, 2)}))
"""


def _modules(package):
    paths = sorted((ROOT / package).rglob("*.py"))
    parts = (path.relative_to(ROOT).with_suffix("").parts for path in paths)
    return {".".join(names).replace(".__init__", ""): path for names, path in zip(parts, paths)}


def _room(name):
    return (name.split(".") + [""])[1]


CORE, NODE, EXAMPLES = map(_modules, ("bisenet_core", "bisenet_ros", "examples"))
ROBOT_CORE = {name: path for name, path in CORE.items() if _room(name) in ("",) + ROBOT_ROOMS}
ROBOT_NODE = {name: path for name, path in NODE.items() if _room(name) not in NODE_TOOLS}
WORKSTATION = {"bisenet_core." + _room(name) for name in set(CORE) - set(ROBOT_CORE)}
TOOLS = {"bisenet_ros." + name for name in NODE_TOOLS}


def _brought_by(modules):
    """Names of what has been imported once all ``modules`` are."""
    command = [sys.executable, "-c", PROBE, *sorted(modules)]
    ended = subprocess.run(command, cwd=str(ROOT), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           universal_newlines=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return set(ended.stdout.splitlines()[-1].split())


def test_robot_core_brings_only_numpy_cv2_and_yaml():
    heavy = {"torch", "lightning", "lightning_fabric", "rclpy", "bisenet_ros", "typer", "rich", "openvino",
             "onnxruntime", "tensorrt", "pycuda", "matplotlib", "rosbags", "onnx"}
    found = _brought_by(ROBOT_CORE)
    assert {"numpy", "cv2", "bisenet_core.runtime"} <= found and not found & (heavy | WORKSTATION)


def test_the_node_brings_no_workstation_code():
    pytest.importorskip("rclpy", reason="the node needs ROS 2 (pip install .[ros])")
    found = _brought_by(ROBOT_NODE)
    assert "rclpy" in found and not found & (WORKSTATION | TOOLS | {"torch", "lightning", "lightning_fabric"})


def test_tools_around_the_node_bring_no_torch():
    pytest.importorskip("rclpy", reason="the node needs ROS 2 (pip install .[ros])")
    pytest.importorskip("rosbags", reason="drives need rosbags: pip install .[eval]")
    assert not _brought_by(NODE) & {"torch", "lightning", "lightning_fabric"}


def test_workstation_tools_bring_neither_torch_nor_ros():
    pytest.importorskip("rosbags", reason="drives need rosbags: pip install .[eval]")
    without_torch = [name for name in CORE if _room(name) not in TORCH_ROOMS]
    assert not _brought_by(without_torch) & {"torch", "lightning", "lightning_fabric", "rclpy", "bisenet_ros"}


def test_learning_brings_no_ros():
    pytest.importorskip("lightning_fabric", reason="networks and training need PyTorch")
    found = _brought_by([name for name in CORE if _room(name) in TORCH_ROOMS])
    assert "torch" in found and not found & {"rclpy", "bisenet_ros"}


def test_launch_files_may_use_the_profile_without_ros():
    assert not _brought_by(["bisenet_ros.dds_profile"]) & {"rclpy", "numpy", "cv2"}


def test_launch_files_may_use_the_arguments_without_a_node():
    pytest.importorskip("rcl_interfaces", reason="the table of parameters needs ROS 2 (pip install .[ros])")
    assert not _brought_by(["bisenet_ros.launch_arguments"]) & {"rclpy", "cv2", "launch"}


def test_robot_code_is_python36_grammar():
    for path in {**ROBOT_CORE, **ROBOT_NODE, **EXAMPLES}.values():
        source = path.read_text()
        ast.parse(source, str(path), feature_version=(3, 6))
        assert "from __future__ import annotations" not in source, path


def test_robot_code_needs_no_newer_library_than_python36():
    vermin = Path(sys.executable).with_name("vermin")
    if not vermin.exists():
        pytest.skip("vermin, which knows the age of every library function, is not installed")
    paths = [str(path) for path in {**ROBOT_CORE, **ROBOT_NODE}.values()]
    options = ["-t=3.6-", "--eval-annotations", "--backport", "dataclasses", "--violations"]
    command = [str(vermin), *options, *paths]
    result = subprocess.run(command, stdout=subprocess.PIPE, universal_newlines=True, check=False)
    assert result.returncode == 0, result.stdout
