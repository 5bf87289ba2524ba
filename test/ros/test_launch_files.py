"""Launch files: their arguments and presets where launch is installed, their grammar everywhere."""

import ast
import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
LAUNCH_FILES = sorted((ROOT / "launch").glob("*.launch.py"))


@pytest.mark.parametrize("path", LAUNCH_FILES, ids=lambda path: path.name)
def test_grammar_suits_the_oldest_robot(path):
    tree = ast.parse(path.read_text(), str(path), feature_version=(3, 6))
    functions = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    assert "generate_launch_description" in functions


@pytest.mark.parametrize("path", LAUNCH_FILES, ids=lambda path: path.name)
def test_files_they_name_exist(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and str(node.value).endswith((".yaml", ".xml", ".launch.py")):
            assert list(ROOT.glob("*/" + node.value)), node.value


def _load(path):
    pytest.importorskip("launch_ros", reason="launch comes with a ROS installation, not from PyPI")
    spec = importlib.util.spec_from_file_location("launch_file", str(path))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", LAUNCH_FILES, ids=lambda path: path.name)
def test_descriptions_are_made_by_the_real_launch(path):
    arguments = _load(path).generate_launch_description().get_launch_arguments()
    assert {"model", "image", "backend", "precision", "namespace", "params_file", "overlay",
            "autostart"} <= {argument.name for argument in arguments}


@pytest.mark.parametrize("room, kinds", [("1g", ["Node"]), ("64m", ["LogInfo", "Node"])])
def test_the_node_gets_the_profile_where_it_fits(monkeypatch, room, kinds):
    module = _load(ROOT / "launch" / "segmentation.launch.py")
    from launch import LaunchContext

    variables = {"1g": ({"A": "B"}, ""), "64m": ({}, "no room")}[room]
    monkeypatch.setattr(module, "large_image_profile", lambda environment, path: variables)
    context = LaunchContext()
    context.launch_configurations.update({name: value for name, (value, _) in module.ARGUMENTS.items()})
    assert [type(action).__name__ for action in module.start_node(context)] == kinds
