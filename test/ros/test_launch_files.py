"""Launch files: their arguments and presets where launch is installed, their grammar everywhere."""

import ast
import importlib.util
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from types import SimpleNamespace

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
    from bisenet_ros.launch_arguments import ARGUMENTS

    assert set(ARGUMENTS) <= {argument.name for argument in arguments}
    assert all(argument.description for argument in arguments)


@pytest.fixture
def module():
    return _load(ROOT / "launch" / "segmentation.launch.py")


def _started(module, **arguments):
    """What `start` gives for these arguments of the launch file."""
    from launch import LaunchContext

    context = LaunchContext()
    context.launch_configurations.update({name: value for name, (value, _) in module.ARGUMENTS.items()})
    context.launch_configurations.update(arguments)
    return module.start(context)


@pytest.fixture
def nodes(monkeypatch, module):
    """``nodes(**arguments)``: the options of each Node that is started."""
    monkeypatch.setattr(module, "Node", lambda **options: options)
    return lambda **arguments: _started(module, **arguments)


def _evaluated(options):
    """The parameters that the node gets beside the parameter file's, as launch evaluates them."""
    from launch import LaunchContext
    from launch_ros.utilities import evaluate_parameters, normalize_parameters

    return evaluate_parameters(LaunchContext(), normalize_parameters(options["parameters"][1:]))[0]


@pytest.mark.parametrize("text, names", [
    ("front", ["front"]), ("front,left", ["front", "left"]), ("[front, 'left']", ["front", "left"]),
    ("on,no,", ["on", "no"]), ("[]", [""])])
def test_cameras_become_a_list(nodes, text, names):
    given = _evaluated(nodes(cameras=text, image_transport="compressed")[-1])
    assert given == {"cameras": tuple(names), "image_transport": "compressed"}


def test_a_model_called_like_a_number_keeps_its_name(nodes):
    assert _evaluated(nodes(model="2024", autostart="False")[-1]) == {"model": "2024", "autostart": False}


def test_every_parameter_can_be_given(nodes):
    given = _evaluated(nodes(masks="Road,Car", significant_bits="12", max_image_age="1",
                             reliability="reliable", use_sim_time="true")[-1])
    assert given == {"masks": ("Road", "Car"), "significant_bits": 12, "max_image_age": 1.0,
                     "reliability": "reliable", "use_sim_time": True}


def test_the_log_level_is_the_nodes(nodes):
    assert nodes()[-1]["ros_arguments"] == []
    assert nodes(log_level="warn")[-1]["ros_arguments"] == ["--log-level", "warn"]


def test_a_viewer_that_is_not_installed_is_a_warning(nodes, module, monkeypatch):
    def no_package(name):
        raise module.PackageNotFoundError(name)

    monkeypatch.setattr(module, "get_package_prefix", no_package)
    warnings = []
    monkeypatch.setattr(module, "get_logger", lambda name: SimpleNamespace(warning=warnings.append))
    assert [node["package"] for node in nodes(overlay="true")] == ["bisenet_ros"]
    assert "rqt_image_view is not installed" in warnings[0]


@pytest.mark.parametrize("image, cameras, remappings", [
    ("", "", [("image", "/camera/image_raw")]),
    ("/cam", "", [("image", "/cam")]),
    ("", "front,left", []),
    ("/a,/b", "front,left", [("front/image", "/a"), ("left/image", "/b")]),
])
def test_each_camera_has_its_topic(nodes, image, cameras, remappings):
    assert nodes(image=image, cameras=cameras)[-1]["remappings"] == remappings


def test_cameras_of_the_parameter_file_have_their_topics_and_viewers(nodes, module, monkeypatch, tmp_path):
    monkeypatch.setattr(module, "get_package_prefix", lambda name: "/opt/ros")
    file = tmp_path / "a.yaml"
    file.write_text("/**:\n  ros__parameters:\n    cameras: [front]\n")
    viewer, node = nodes(params_file=str(file), image="/a", overlay="true")
    assert node["remappings"] == [("front/image", "/a")]
    assert viewer["arguments"] == ["segmentation/front/overlay"]
    with pytest.raises(ValueError, match=r"2 topic\(s\) for 1 camera"):
        nodes(params_file=str(file), image="/a,/b")
    file.write_text("/**:\n  ros__parameters:\n    cameras: [front,\n      left]  # two\n")
    assert nodes(params_file=str(file), image="/a,/b")[-1]["remappings"] == [
        ("front/image", "/a"), ("left/image", "/b")]
    file.write_text("/**:\n  ros__parameters: {cameras: [front]}\n")
    with pytest.raises(ValueError, match="has `cameras` in braces"):
        nodes(params_file=str(file), image="/a")
    file.write_text("no: [yaml")
    assert nodes(params_file=str(file), image="/a")[-1]["remappings"] == [("image", "/a")]


def test_presets_in_one_launch_file_keep_their_own_parameters():
    presets = {name: _load(ROOT / "launch" / f"{name}.launch.py") for name in ("cityscapes", "camvid")}
    from launch import LaunchContext
    from launch.actions import OpaqueFunction

    context = LaunchContext()
    for preset, module in presets.items():
        (group,) = module.generate_launch_description().entities
        chosen, waiting = [], [group]
        while waiting:
            action = waiting.pop(0)
            if not isinstance(action, OpaqueFunction):
                waiting[:0] = action.visit(context) or []
            chosen += [context.launch_configurations.get("params_file", "")]
        assert any(f"{preset}.yaml" in path for path in chosen)
        assert "params_file" not in context.launch_configurations


def test_a_replay_leaves_the_parameter_file_its_values():
    module = _load(ROOT / "launch" / "replay.launch.py")
    defaults = {name: default for name, (default, _) in module.ARGUMENTS.items()}
    assert (defaults["model"], defaults["significant_bits"], defaults["rate"]) == ("", "", "1.0")


@pytest.mark.parametrize("arguments, complaint", [
    ({"image": "/a", "cameras": "front,left"}, r"image:=/a: 1 topic\(s\) for 2 camera"),
    ({"image": "/a,/b"}, r"image:=/a,/b: 2 topic\(s\) for 1 camera"),
    ({"autostart": "maybe"}, "autostart:=maybe: expected true or false"),
    ({"overlay": "2"}, "overlay:=2: expected true or false"),
    ({"input_width": "wide"}, "input_width:=wide: expected a whole number"),
    ({"log_level": "wran"}, "log_level:=wran: did you mean 'warn'?"),
    ({"params_file": "/none.yaml"}, "params_file:=/none.yaml: there is no such file"),
])
def test_arguments_that_make_no_sense_are_refused_by_name(nodes, arguments, complaint):
    with pytest.raises(ValueError, match=complaint):
        nodes(**arguments)


@pytest.mark.parametrize("cameras, topics", [
    ("", ["segmentation/overlay"]),
    ("front,left", ["segmentation/front/overlay", "segmentation/left/overlay"]),
])
def test_every_overlay_has_its_viewer(nodes, module, monkeypatch, cameras, topics):
    monkeypatch.setattr(module, "get_package_prefix", lambda name: "/opt/ros")
    viewers = nodes(cameras=cameras, overlay="true", namespace="robot")[:-1]
    assert [viewer["arguments"] for viewer in viewers] == [[topic] for topic in topics]
    assert {viewer["namespace"] for viewer in viewers} == {"robot"}


def test_what_the_launch_files_start_is_declared():
    package = (ROOT / "package.xml").read_text()
    for path in LAUNCH_FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.keyword) and node.arg == "package":
                name = getattr(node.value, "value", "rqt_image_view")  # or else VIEWER
                assert name == "bisenet_ros" or f"<exec_depend>{name}</exec_depend>" in package


def test_cv_bridge_is_an_optional_dependency():
    """rosdep takes it where the environment asks for it, and the node runs without."""
    found = ElementTree.parse(ROOT / "package.xml").getroot().findall("exec_depend")
    (condition,) = (one.get("condition") for one in found if one.text == "cv_bridge")
    assert condition == "$BISENET_CV_BRIDGE == 1"
    assert "`BISENET_CV_BRIDGE=1 " in (ROOT / "docs" / "node.md").read_text()
    assert [one.text for one in found if one.get("condition")] == ["cv_bridge"]
