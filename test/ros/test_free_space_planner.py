"""The example planner over real DDS: rendered labels in, a grid out, and unknown rather than a stale one."""

import importlib.util
import os
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="the node needs ROS 2 (pip install .[ros])")
pytest.importorskip("nav_msgs.msg", reason="the planner publishes nav_msgs (pip install ros-nav-msgs)")

from builtin_interfaces.msg import Time
from nav_msgs.msg import OccupancyGrid
from node_harness import BEST_EFFORT, RELIABLE, ROOT, PythonProcess, ros_arguments
from node_thread import Spun
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from bisenet_core.drives.rendering import RenderedDrive
from bisenet_core.labels.ground_camera import GroundCamera
from bisenet_core.labels.label_space import CAMVID_11, CITYSCAPES_19
from bisenet_ros.image_messages import image_to_msg
from bisenet_ros.label_info import LABEL_INFO_QOS

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "examples"))

from free_space import (
    FREE,
    OCCUPIED,
    UNKNOWN,
    find_corridor,
    grid_shape,
    project_corridor,
)

LABELS, CONFIDENCE, INFO = "/segmentation/labels", "/segmentation/confidence", "/camera_info"
ROAD = CAMVID_11.id_of("Road")
EXAMPLE = str(ROOT / "examples" / "free_space_planner.py")


@pytest.fixture(scope="module")
def scene():
    """A rendered frame's labels and its camera."""
    drive = RenderedDrive(width=240, height=180, frames=1)
    return drive[0][1], drive.camera(0)


@pytest.fixture
def settings(tiny_model_folder, scene):
    """The planner's parameters: the scene's camera, and no confidence."""
    camera = scene[1]
    return {"model": tiny_model_folder, "camera_height": camera.position[1], "camera_pitch": -camera.pitch,
            "max_age": 10.0, "min_confidence": 0.0}


@pytest.fixture
def start_planner(ros, tmp_path, settings):
    """``start_planner(**parameters)``: the example as a process, which ends with the test."""
    started = []

    def start(environment=None, **parameters):
        path = (environment or os.environ).get("PYTHONPATH", "")
        started.append(PythonProcess(
            tmp_path / "planner.log", [EXAMPLE, *ros_arguments([], dict(settings, **parameters))],
            {"PYTHONPATH": os.pathsep.join([str(ROOT), path])}))
        return started[-1]

    yield start
    for process in started:
        assert process.stop() == 0


@pytest.fixture(scope="module")
def example():
    """The example as a module."""
    spec = importlib.util.spec_from_file_location("free_space_planner", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def run_planner(ros, example, settings):
    """``run_planner(**parameters)``: the planner in this process, spun by a thread, until the test ends."""
    started = []

    def run(**parameters):
        arguments = ros_arguments([], dict(settings, **parameters))
        started.append(Spun(lambda context: example.FreeSpacePlanner(context=context), arguments))

    yield run
    for one in started:
        one.__exit__()


@pytest.fixture
def said(capfd):
    """``said(text)``: whether this process has printed the text since the test began."""
    heard = []

    def has(text):
        heard.extend(capfd.readouterr())
        return text in "".join(heard)

    return has


def _header(observer):
    return Header(stamp=observer.node.get_clock().now().to_msg(), frame_id="camera_optical")


def _info(camera, **changes):
    k = [camera.focal, 0.0, camera.centre[0], 0.0, camera.focal, camera.centre[1], 0.0, 0.0, 1.0]
    message = CameraInfo(width=camera.width, height=camera.height, k=k)
    message.header.frame_id = changes.pop("frame_id", "camera_optical")
    for name, value in changes.items():
        setattr(message, name, value)
    return message


def _cells(grid):
    return np.array(grid.data, np.int8).reshape(grid.info.height, grid.info.width)


def _known(grids):
    return [grid for grid in grids if (_cells(grid) != UNKNOWN).any()]


class Side:
    """The test's publishers beside the planner."""

    def __init__(self, observer, camera, confidence=False, info=None):
        self.observer = observer
        self.grids = observer.listen("/free_space", message_type=OccupancyGrid)
        self.labels = observer.camera(LABELS)
        # best effort, as the planner must take it too
        self.confidence = observer.camera(CONFIDENCE, BEST_EFFORT) if confidence else None
        self._info = observer.node.create_publisher(CameraInfo, INFO, RELIABLE)
        observer.wait(self._info.get_subscription_count, "the planner's subscription to " + INFO)
        self.info = info or _info(camera)
        self.stamps = []  # of all labels

    def send_until(self, labels, condition, what, confidence=None, stamp=None):
        """Publish labels (and confidence) of the present moment, again and again."""
        def one():
            self._info.publish(self.info)
            header = _header(self.observer)
            if stamp is not None:
                header.stamp.sec, header.stamp.nanosec = stamp, 0
            self.stamps.append(header.stamp)
            if confidence is not None:
                self.confidence.publish(image_to_msg(confidence, "mono8", header))
            return image_to_msg(labels, "mono8", header)

        class Fresh:
            """A publisher whose every message is new."""

            @staticmethod
            def publish(_):
                self.labels.publish(one())

        return self.observer.publish_until(Fresh, None, condition, what)


def test_the_grid_is_the_corridor_on_the_ground(start_planner, observer, scene):
    labels, camera = scene
    start_planner(camera_x=1.5, camera_y=0.25, resolution=0.25, base_frame="base_footprint")
    side = Side(observer, camera)
    grid = side.send_until(labels, lambda: _known(side.grids), "a grid")[0]
    shape = grid_shape(0.25, 30.0, 16.0)
    ground = GroundCamera(camera.focal, camera.focal, *camera.centre, camera.position[1], -camera.pitch)
    np.testing.assert_array_equal(
        _cells(grid), project_corridor(find_corridor(labels, [ROAD]), ground, shape))
    assert {FREE, OCCUPIED, UNKNOWN} == set(np.unique(_cells(grid)))
    assert (grid.info.width, grid.info.height, grid.info.resolution) == (120, 64, 0.25)
    position = grid.info.origin.position
    assert (position.x, position.y, grid.header.frame_id) == (1.5, 0.25 - 8.0, "base_footprint")
    assert grid.header.stamp in side.stamps


def test_confidence_of_the_same_stamp_is_heeded(run_planner, observer, scene, said):
    labels, camera = scene
    run_planner(min_confidence=0.5, bonnet=0.05)
    side = Side(observer, camera, confidence=True)
    sure = np.full(labels.shape, 128, np.uint8)
    side.send_until(labels, lambda: _known(side.grids), "a grid", confidence=sure)
    far = sure.copy()
    far[:150] = 127  # just below; only the nearest rows remain
    far[175:] = 0  # of the vehicle itself
    full = (_cells(_known(side.grids)[-1]) == FREE).sum()
    side.send_until(labels, lambda: 0 < (_cells(side.grids[-1]) == FREE).sum() < full, "a shorter grid",
                    confidence=far)
    side.send_until(labels, lambda: said("labels are 240x180 and confidence is 240x90"), "a warning of sizes",
                    confidence=sure[:90])


@pytest.mark.parametrize("publisher", [False, True], ids=["without a publisher", "with a silent one"])
def test_labels_without_their_confidence_are_never_trusted(run_planner, observer, scene, said, publisher):
    labels, camera = scene
    run_planner(min_confidence=0.5)
    side = Side(observer, camera, confidence=publisher)
    side.send_until(labels, lambda: said("nothing on /segmentation/confidence has their stamp: remap "
                                         "segmentation/confidence"), "the warning")
    assert said("or set min_confidence:=0") and not _known(side.grids)


def test_labels_of_another_model_are_never_trusted(
        start_planner, observer, scene, vision_msgs_environment):
    from vision_msgs.msg import LabelInfo, VisionClass

    labels, camera = scene
    talker = observer.mute_camera("/segmentation/label_info", LABEL_INFO_QOS, LabelInfo)

    def announce(classes):
        talker.publish(LabelInfo(class_map=[
            VisionClass(class_id=class_id, class_name=name) for class_id, name in enumerate(classes)]))

    announce(CITYSCAPES_19.classes)  # before the planner is there
    planner = start_planner(environment=vision_msgs_environment)
    side = Side(observer, camera)
    observer.wait(talker.get_subscription_count, "the planner's subscription to the label info")
    line = "class 0 of the labels is 'road', but 'Sky' in CamVid-11: set model to the segmentation node's; no"
    side.send_until(labels, lambda: line in planner.output, "the warning")
    seen = len(_known(side.grids))
    announce(CAMVID_11.classes)
    side.send_until(labels, lambda: len(_known(side.grids)) > seen, "a grid")


@pytest.mark.parametrize("changes, line", [
    ({"width": 120}, "labels are 240x180 and camera_info is of 120x180"),
    ({"frame_id": "rear"}, "labels are in frame 'camera_optical' and camera_info is in 'rear'"),
    ({"k": [0.0] * 9}, "camera_info: K has fx 0, fy 0, cx 0, cy 0; expected a calibrated camera"),
    ({"d": [-0.3, 0.1, 0.0, 0.0, 0.0]}, "camera_info: the camera has distortion D but no P, so its image is "
     "not rectified: label the rectified image of image_proc, with a camera_info that has P"),
])
def test_a_camera_info_that_does_not_fit_gives_a_warning_and_no_grid(
        run_planner, observer, scene, said, changes, line):
    labels, camera = scene
    run_planner()
    side = Side(observer, camera, info=_info(camera, **changes))
    side.send_until(labels, lambda: said(line + "; no grid is made of it"), "the warning")
    assert not _known(side.grids)


def test_labels_that_are_no_labels_are_refused(run_planner, observer, scene, said, example, monkeypatch):
    monkeypatch.setattr(example, "_WARN_EVERY_S", 0.0)
    run_planner()
    side = Side(observer, scene[1])
    broken = Image(height=2, width=2, encoding="mono8", step=2, data=[0])
    broken.header = _header(observer)
    observer.publish_until(side.labels, broken, lambda: said("labels: truncated image"), "a warning")
    color = image_to_msg(np.zeros((2, 2, 3), np.uint8), "rgb8", _header(observer))
    observer.publish_until(side.labels, color, lambda: said("labels is 'rgb8'; expected mono8"), "another")
    assert not _known(side.grids)


def test_a_grid_goes_stale_and_old_labels_never_make_one(run_planner, observer, scene, said):
    labels, camera = scene
    run_planner(max_age=1.0)
    side = Side(observer, camera)
    side.send_until(labels, lambda: _known(side.grids), "a grid")
    observer.wait(lambda: (_cells(side.grids[-1]) == UNKNOWN).all(), "an unknown grid")
    assert said("no usable labels on /segmentation/labels within 1 s: the grid says unknown")
    seen = len(side.grids)
    side.send_until(labels, lambda: said("max_age is 1 s: check the clocks"), "a warning", stamp=1000)
    assert not _known(side.grids[seen:])


@pytest.mark.parametrize("later", [5000, 10])
def test_a_simulation_that_stands_still_or_steps_back_keeps_no_grid(
        run_planner, observer, scene, said, later):
    labels, camera = scene
    run_planner(use_sim_time=True, max_age=1.0)
    side = Side(observer, camera)
    # Before the first time is known, too.
    observer.wait(lambda: side.grids and said("no usable labels on /segmentation/labels"), "an unknown grid")
    clock = observer.mute_camera("/clock", RELIABLE, Clock)
    observer.wait(clock.get_subscription_count, "the planner's subscription to /clock")
    clock.publish(Clock(clock=Time(sec=5000)))
    side.send_until(labels, lambda: _known(side.grids), "a grid", stamp=5000)
    clock.publish(Clock(clock=Time(sec=later)))
    observer.wait(lambda: (_cells(side.grids[-1]) == UNKNOWN).all(), "an unknown grid")


def test_whole_numbers_and_another_model_will_do(run_planner, observer, settings):
    run_planner(min_confidence=0, camera_height=2, model=f"none|{settings['model']}")


@pytest.mark.parametrize("parameters, line", [
    ({"model": "''"}, "model is not set; give the segmentation node's"),
    ({"road_classes": "[]"}, "road_classes is empty; expected at least one class, such as ['road']"),
    ({"road_classes": "road"}, "road_classes is 'road'; expected a list of classes, such as ['road']"),
    ({"camera_height": ".nan"}, "value: nan: camera_height"),
    ({"road_classes": "[rode]"}, "unknown class 'rode': did you mean 'Road'?"),
    ({"model": "/nowhere"}, "/nowhere"),
    ({"camera_height": -1.0}, "camera_height"),
    ({"resolution": 0.01, "range": 100.0}, "a grid of 10000x1600 cells; expected 1 to 4096 each way"),
])
def test_a_parameter_that_is_refused_ends_it_with_one_line(refused, example, settings, parameters, line):
    output = refused(example.main, *ros_arguments([], dict(settings, **parameters)))
    assert line in output and len(output.splitlines()) == 1
