"""The launch files' arguments, without launch: their table, their values, and names that nobody declares."""

import pytest

pytest.importorskip("rcl_interfaces", reason="the table of parameters needs ROS 2 (pip install .[ros])")

from bisenet_core.errors import InputError
from bisenet_ros.launch_arguments import ARGUMENTS, camera_names, parameter_values, refuse_unknown_arguments
from bisenet_ros.parameters import PARAMETERS, check_value

GIVEN = dict.fromkeys(ARGUMENTS, "")


def test_every_parameter_is_an_argument_that_the_parameter_file_decides():
    assert set(ARGUMENTS) == {spec.name for spec in PARAMETERS} | {
        "image", "namespace", "params_file", "overlay", "use_sim_time", "log_level"}
    assert parameter_values(GIVEN, PARAMETERS) == {}


@pytest.mark.parametrize("text, names", [
    ("/**:\n  ros__parameters:\n    cameras: [front, 'left']  # two\n", ["front", "left"]),
    ("robot:\n  segmentation:\n    ros__parameters:\n      model: x\n      cameras:\n      - a\n      - b",
     ["a", "b"]),
    ("/**:\n  ros__parameters:\n    cameras: [a]\n/robot/segmentation:\n  ros__parameters:\n    cameras: [b]",
     ["b"]),
    ("other:\n  ros__parameters:\n    cameras: [a, b]\n/**:\n  ros__parameters:\n    model: x\n", []),
    ("/**:\n  ros__parameters:\n    cameras: ['']\n    masks:\n    - Road\n", []), ("no: [yaml", []),
])
@pytest.mark.parametrize("pushed, namespace", [("", "robot"), ("robot", ""), ("elsewhere", "/robot")])
def test_cameras_are_those_of_the_parameter_file_for_this_node(tmp_path, text, names, pushed, namespace):
    (tmp_path / "a.yaml").write_text(text)
    given = dict(GIVEN, params_file=str(tmp_path / "a.yaml"), namespace=namespace)
    assert camera_names(given, pushed) == names
    assert camera_names(dict(given, cameras="x,y"), pushed) == ["x", "y"]


@pytest.mark.parametrize("spec", PARAMETERS, ids=lambda spec: spec.name)
def test_every_default_can_be_written_as_a_text(spec):
    text = "[]" if isinstance(spec.default, tuple) else str(spec.default)
    values = parameter_values(dict(GIVEN, **{spec.name: text}), [spec])
    if text:
        assert check_value(spec.name, values[spec.name]) == check_value(spec.name, spec.default)


@pytest.mark.parametrize("name, text, complaint", [
    ("input_width", "4.5", "input_width:=4.5: expected a whole number"),
    ("stale_after", "soon", "stale_after:=soon: expected a number"),
    ("autostart", "maybe", "autostart:=maybe: expected true or false"),
])
def test_texts_that_are_no_value_are_refused(name, text, complaint):
    with pytest.raises(InputError, match=complaint):
        parameter_values(dict(GIVEN, **{name: text}), PARAMETERS)


@pytest.fixture
def launch_file(tmp_path):
    path = tmp_path / "camvid.launch.py"
    path.touch()
    return str(path)


@pytest.mark.parametrize("named", [["bisenet_ros", "camvid.launch.py"], ["PATH"], ["-d", "PATH"], ["LINK"]])
def test_names_that_nobody_declares_are_refused_with_the_nearest(launch_file, named, tmp_path):
    link = tmp_path / "link.launch.py"
    link.symlink_to(launch_file)
    words = [{"PATH": launch_file, "LINK": str(link)}.get(word, word) for word in named]
    command = ["/opt/ros/bin/ros2", "launch", *words]
    refuse_unknown_arguments(
        launch_file, ARGUMENTS, [*command, "image:=/a", "model:=x:=y", "launch-prefix:=gdb"])
    with pytest.raises(InputError, match="^imgae:= is no argument of camvid.launch.py: did you mean 'image'"):
        refuse_unknown_arguments(launch_file, ARGUMENTS, [*command, "imgae:=/a"])


@pytest.mark.parametrize("command", [
    ["ros2", "launch", "robot", "robot.launch.py", "imgae:=/a"],
    ["ros2", "launch", "robot", "camvid.launch.py", "imgae:=/a"],  # the robot's own, of the same name
    ["ros2", "launch", "/robot/camvid.launch.py", "imgae:=/a"],
    ["bringup.py", "imgae:=/a"],
])
def test_arguments_of_a_launch_file_that_includes_ours_are_its_own(launch_file, command):
    refuse_unknown_arguments(launch_file, ARGUMENTS, command)
