"""Launch files: their arguments and presets where launch is installed, their grammar everywhere."""

import ast
import importlib.util
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
LAUNCH_FILES = sorted((ROOT / "launch").glob("*.launch.py"))
PROFILE = ROOT / "config" / "fastdds_large_images.xml"


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


@pytest.mark.parametrize("environment, names", [
    ({"ROS_DISTRO": "kilted"}, {"FASTDDS_DEFAULT_PROFILES_FILE"}),
    ({"ROS_DISTRO": "humble"}, {"FASTRTPS_DEFAULT_PROFILES_FILE"}),
    ({"FASTRTPS_DEFAULT_PROFILES_FILE": "/mine.xml"}, set()),
])
def test_the_profile_is_set_unless_the_user_has_one(environment, names):
    chosen = _load(ROOT / "launch" / "segmentation.launch.py").large_image_profile(environment)
    assert set(chosen) == names
    assert all(path == str(PROFILE) for path in chosen.values())


@pytest.mark.parametrize("path", LAUNCH_FILES, ids=lambda path: path.name)
def test_descriptions_are_made_by_the_real_launch(path):
    arguments = _load(path).generate_launch_description().get_launch_arguments()
    assert {"model", "image", "backend", "precision", "namespace", "params_file", "overlay",
            "autostart"} <= {argument.name for argument in arguments}


def test_the_profile_has_a_large_segment_and_udp():
    space = "{http://www.eprosima.com}"
    tree = ElementTree.parse(str(PROFILE))
    transports = {item.find(space + "type").text: item for item in tree.iter(space + "transport_descriptor")}
    assert set(transports) == {"SHM", "UDPv4"}
    assert int(transports["SHM"].find(space + "segment_size").text) == 64 << 20
