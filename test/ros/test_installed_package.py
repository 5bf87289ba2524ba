"""The installed package as `ros2 run` and `ros2 launch` find it; launch files run by the real launch."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="the node needs ROS 2 (pip install .[ros])")
pytest.importorskip("setuptools", reason="installing the package needs setuptools")

from installed_package import install
from node_harness import ROOT, NodeProcess, PythonProcess
from test_segmentation_node import _labels, _message, _picture, _send_and_hear

from bisenet_core.runtime.segmenter import Segmenter

pytestmark = pytest.mark.slow

SEGMENTATION, CAMVID, CITYSCAPES, REPLAY = (
    name + ".launch.py" for name in ("segmentation", "camvid", "cityscapes", "replay"))
TINY = ["model:=2024", "precision:=fp32"]  # a name that YAML takes for a number


@pytest.fixture(scope="module")
def installed(ros, tmp_path_factory, tiny_model_folder):
    """Variables of a shell in which this package is installed, and a model called 2024 is known."""
    folder = tmp_path_factory.mktemp("installed")
    (folder / "weights").mkdir()
    (folder / "weights" / "2024").symlink_to(tiny_model_folder)
    return dict(install(folder), BISENET_WEIGHTS=str(folder / "weights"), HOME=str(folder))


@pytest.fixture(scope="module")
def prefix(installed):
    return Path(installed["AMENT_PREFIX_PATH"].split(os.pathsep)[0])


@pytest.fixture(scope="module")
def expected(tiny_model_folder):
    """Labels of an image by its seed, as the Segmenter finds them."""
    with Segmenter.open(str(tiny_model_folder), precision="fp32") as segmenter:
        return [segmenter.segment(_picture(seed), "rgb").labels for seed in range(2)]


@pytest.fixture
def start_launch(installed, prefix, tmp_path):
    """``start_launch(file, *arguments)``: the real launch runs the installed file, until the test ends."""
    pytest.importorskip("launch_ros", reason="launch comes with a ROS installation, not from PyPI")
    started = []

    def start(*arguments):
        found = [str(prefix / "share/bisenet_ros/launch" / argument) if argument.endswith(".launch.py")
                 else argument for argument in arguments]
        started.append(PythonProcess(
            tmp_path / "launch.log", [str(ROOT / "test/ros/launch_process.py"), *found],
            dict(installed, ROS_LOG_DIR=str(tmp_path / "logs"))))
        return started[-1]

    yield start
    for process in started:
        process.__exit__()
    logs = [path for path in (tmp_path / "logs").rglob("*.log") if path.is_file()]
    assert logs and not any(b"\x1b" in path.read_bytes() for path in logs), "colour codes in a log file"


def test_all_lies_where_ros_looks_for_it(prefix):
    share = prefix / "share" / "bisenet_ros"
    assert (prefix / "share/ament_index/resource_index/packages/bisenet_ros").is_file()
    assert os.access(str(prefix / "lib/bisenet_ros/segmentation_node"), os.X_OK)
    assert (share / "package.xml").is_file()
    for pattern in ("launch/*.launch.py", "config/*", "examples/*.py", "weights/*/*"):
        shipped = {path.relative_to(ROOT) for path in ROOT.glob(pattern) if path.is_file()}
        assert shipped and all((share / path).is_file() for path in shipped)


def test_what_ros2_run_starts_finds_its_weights(installed, prefix, observer, tmp_path):
    program = [str(prefix / "lib/bisenet_ros/segmentation_node")]
    with NodeProcess(tmp_path / "node.log", environment=installed, program=program) as node:
        status = observer.status(lambda status: status.facts["state"] == "active", "an active node")
        assert status.facts["model"] == "camvid_bisenetv2"
        assert node.stop() == 0


def _check_labels(observer, launched, image_topics, label_topics, expected):
    """Every camera's image gets its own labels, and SIGINT ends all in order."""
    for seed, (image_topic, label_topic) in enumerate(zip(image_topics, label_topics)):
        heard, camera = observer.listen(label_topic), observer.camera(image_topic)
        answer = _send_and_hear(observer, camera, heard, _message(_picture(seed), second=seed))
        np.testing.assert_array_equal(_labels(answer), expected[seed])
    assert launched.stop() == 0, launched.output
    assert "Traceback" not in launched.output
    assert launched.output.count("process has finished cleanly") > 0
    assert "process has died" not in launched.output


@pytest.mark.parametrize("arguments, images, labels", [
    ([], ["/camera/image_raw"], ["/segmentation/labels"]),
    (["image:=/cam/image_raw", "autostart:=true"], ["/cam/image_raw"], ["/segmentation/labels"]),
    (["image:=image_raw", "namespace:=robot"], ["/robot/image_raw"], ["/robot/segmentation/labels"]),
    (["cameras:=front,left"], ["/front/image", "/left/image"],
     ["/segmentation/front/labels", "/segmentation/left/labels"]),
    (["cameras:=[on, no]", "image:=/a/image_raw,/b/image_raw"], ["/a/image_raw", "/b/image_raw"],
     ["/segmentation/on/labels", "/segmentation/no/labels"]),
    (["namespace:=a", "image:=image_raw", "+", SEGMENTATION, *TINY, "namespace:=b"],
     ["/a/image_raw", "/camera/image_raw"], ["/a/segmentation/labels", "/b/segmentation/labels"]),
])
def test_images_sent_to_what_it_launches_are_labelled(start_launch, observer, expected, arguments, images,
                                                      labels):
    launched = start_launch(SEGMENTATION, *TINY, *arguments)
    _check_labels(observer, launched, images, labels, expected)


def test_a_parameter_file_is_read_and_arguments_come_first(start_launch, observer, tmp_path, expected):
    path = tmp_path / "parameters.yaml"
    path.write_text("/**:\n  ros__parameters:\n    model: '2024'\n    precision: bf17\n    masks: ['Road']\n")
    launched = start_launch(SEGMENTATION, f"params_file:={path}", "precision:=fp32")
    observer.wait(lambda: observer.node.count_publishers("/segmentation/masks/Road"), "the file's mask")
    _check_labels(observer, launched, ["/camera/image_raw"], ["/segmentation/labels"], expected)


ROBOT = """
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource


def generate_launch_description():
    return LaunchDescription([
        DeclareLaunchArgument("imgae"),
        IncludeLaunchDescription(PythonLaunchDescriptionSource({!r}))])
"""


def test_a_robots_launch_file_has_arguments_of_its_own(start_launch, observer, prefix, tmp_path, expected):
    robot = tmp_path / "robot.launch.py"
    robot.write_text(ROBOT.format(str(prefix / "share/bisenet_ros/launch" / SEGMENTATION)))
    launched = start_launch(str(robot), *TINY, "imgae:=front", "overlay:=true", "reliability:=reliable")
    _check_labels(observer, launched, ["/camera/image_raw"], ["/segmentation/labels"], expected)
    assert "rqt_image_view is not installed" in launched.output


def test_the_camvid_preset_labels_with_the_model_that_is_shipped(start_launch, observer):
    launched = start_launch(CAMVID)
    heard, camera = observer.listen("/segmentation/labels"), observer.camera("/camera/image_raw")
    _send_and_hear(observer, camera, heard, _message(_picture(), second=1))
    assert observer.status().facts["model"] == "camvid_bisenetv2"
    assert launched.stop() == 0


def test_autostart_false_leaves_it_to_a_manager(start_launch, observer):
    launched = start_launch(SEGMENTATION, *TINY, "autostart:=False")
    assert observer.state() == "unconfigured"
    assert observer.change_state("configure") and observer.change_state("activate")
    assert observer.state() == "active"
    assert launched.stop() == 0


def test_each_camera_gets_a_viewer_of_its_overlay(start_launch, observer, prefix):
    marker = prefix / "share/ament_index/resource_index/packages/rqt_image_view"  # stands in for the real one
    program = prefix / "lib/rqt_image_view/rqt_image_view"
    program.parent.mkdir()
    marker.touch()
    program.write_text("#!/bin/sh\necho viewer of $1 >&2\n")
    program.chmod(0o755)
    launched = start_launch(SEGMENTATION, *TINY, "cameras:=front,left", "overlay:=true")
    for name in ("front", "left"):
        text = f"viewer of segmentation/{name}/overlay"
        observer.wait(lambda text=text: text in launched.output, text)
        observer.wait(lambda name=name: observer.node.count_publishers(f"/segmentation/{name}/overlay"), name)
    assert launched.stop() == 0


@pytest.mark.parametrize("arguments, complaint", [
    ([SEGMENTATION, "imgae:=/c"], "imgae:= is no argument of segmentation.launch.py: did you mean 'image'?"),
    ([CAMVID, "relaibility:=reliable"], "of camvid.launch.py: did you mean 'reliability'?"),
    ([REPLAY, "bag:=x", "zzz:=1"], "zzz:= is no argument of replay.launch.py: --show-args lists them"),
    ([SEGMENTATION, "autostart:=maybe"], "autostart:=maybe: expected true or false"),
    ([SEGMENTATION, "params_file:=none.yaml"], "params_file:=none.yaml: there is no such file"),
    ([SEGMENTATION, "cameras:=a,b", "image:=/c"],
     "image:=/c: 1 topic(s) for 2 camera(s); expected one for each of `cameras`"),
    ([SEGMENTATION, "model:=none"], "cannot configure: model 'none' not found"),
    ([CITYSCAPES], "'cityscapes_bisenetv2' not found: run `bisenet weights fetch cityscapes-bisenetv2`"),
])
def test_what_cannot_be_launched_is_said_in_one_line(start_launch, arguments, complaint):
    launched = start_launch(*arguments)
    launched.wait()
    assert launched.output.count(complaint) == 1
    assert "Traceback" not in launched.output


def test_the_command_that_colcon_writes_starts_with_the_active_environment(tmp_path):
    for name in ("setup.py", "setup.cfg"):
        shutil.copy(str(ROOT / name), str(tmp_path))
    subprocess.run([sys.executable, "setup.py", "-q", "egg_info", "--egg-base", ".", "install_scripts",
                    "--install-dir", "bin", "--skip-build"], cwd=str(tmp_path), check=True)
    assert (tmp_path / "bin" / "bisenet").read_text().startswith("#!/usr/bin/env python3\n")
