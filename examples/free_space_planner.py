#!/usr/bin/env python3
"""A planner's side of the segmentation node: label images in, a grid of the free ground ahead out.

    python examples/free_space_planner.py --ros-args -p model:=camvid_bisenetv2 -p camera_height:=1.32 \
        -p camera_pitch:=0.012 -r camera_info:=/camera/camera_info

In: `segmentation/labels`; `segmentation/confidence` with the labels' stamp, unless `min_confidence` is 0;
`camera_info`, the calibration of the very image that is labelled, which must be rectified; and, where
vision_msgs is installed, `segmentation/label_info`, which must name the classes of `model`. Out:
`free_space`, nav_msgs/OccupancyGrid in `base_frame`: 0 free, 100 occupied, -1 unknown.
bisenet_core/labels/ground_camera.py states the camera model, free_space.py beside this file what is free.
Labels older than `max_age` give no grid, and a grid of that age is replaced by one that knows nothing: a
stale corridor is worse than none.
"""

import sys
import time
from array import array
from typing import Any, Callable, Dict, List, Optional

import numpy as np
import rclpy
from free_space import UNKNOWN, find_corridor, grid_shape, project_corridor
from planner_inputs import (
    Pair,
    StampMatcher,
    UnfitError,
    check_label_info,
    confidence_from_msg,
    ground_camera,
    labels_from_msg,
)
from rclpy.clock import Clock, ClockType
from rclpy.exceptions import ParameterException
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image

from bisenet_core.errors import InputError, printable
from bisenet_core.labels.ground_camera import GroundCamera
from bisenet_core.labels.label_space import LabelSpace
from bisenet_core.runtime.model_card import ModelCard
from bisenet_ros.label_info import LABEL_INFO_QOS, LabelInfo, label_info_is_available
from bisenet_ros.parameter_files import warn_of_unmatched_files
from bisenet_ros.parameters import ParameterSpec, declare_all
from bisenet_ros.peers import spin_once
from bisenet_ros.pipeline import model_folder

try:
    from nav_msgs.msg import OccupancyGrid
except ImportError:
    sys.exit("free_space_planner: nav_msgs is not installed; apt install ros-$ROS_DISTRO-nav-msgs, or "
             "pip install ros-nav-msgs")

BAD_INPUT = 2
_WARN_EVERY_S = 5.0

PARAMETERS = (
    ParameterSpec("camera_height", 1.5, "Metres of the camera above flat ground.", 0.05, 100.0),
    ParameterSpec("camera_pitch", 0.0, "Radians by which the camera looks down.", -1.5, 1.5),
    ParameterSpec("camera_x", 0.0, "Metres of the camera ahead of base_frame's origin.", -100.0, 100.0),
    ParameterSpec("camera_y", 0.0, "Metres of the camera to the left of it.", -100.0, 100.0),
    ParameterSpec("resolution", 0.2, "Side of a cell in metres.", 0.01, 10.0),
    ParameterSpec("range", 30.0, "Metres ahead of the camera that the grid covers.", 0.1, 1000.0),
    ParameterSpec("width", 16.0, "Metres across that the grid covers, half to each side.", 0.1, 1000.0),
    ParameterSpec("bonnet", 0.0, "Part of the image's height, at the bottom, that shows the vehicle itself.",
                  0.0, 0.9),
    ParameterSpec("min_confidence", 0.5, "Road less probable than this is unknown; 0 = do without "
                  "confidence.", 0.0, 1.0),
    ParameterSpec("max_age", 0.5, "Seconds after its stamp at which a label image is stale.", 0.01, 60.0),
    ParameterSpec("model", "", "The segmentation node's model, which says what the class ids mean; there is "
                  "no default."),
    ParameterSpec("base_frame", "base_link", "Frame of the grid; x ahead, y to the left (REP 103), z = 0 the "
                  "ground."),
    ParameterSpec("road_classes", ("road",), "Names of the classes that may be driven on.",
                  holds="classes, such as ['road']"),
)

# Best effort receives from every kind of publisher.
_NEWEST = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)


class FreeSpacePlanner(Node):
    """Publishes a grid for each label image, and one that knows nothing where there are none.

    Raises InputError or rclpy's ParameterException for a parameter that is refused.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__("free_space_planner", **options)
        self._values = declare_all(self, PARAMETERS)
        if not self._values["model"]:
            raise InputError("model is not set; give the segmentation node's, which says what the ids mean")
        self._label_space = ModelCard.load(model_folder(self._values["model"], self.get_logger())).label_space
        self._road = _road_ids(self._values["road_classes"], self._label_space)
        self._shape = grid_shape(*(self._values[name] for name in ("resolution", "range", "width")))
        self._matcher = StampMatcher(self._values["min_confidence"] > 0)
        self._camera_info: Optional[CameraInfo] = None
        self._label_info: Any = None
        self._topics: Dict[str, str] = {}  # as they are called after remapping
        self._warned: Dict[str, float] = {}
        self._expires = float("-inf")  # of the last grid: time.monotonic(), which no simulation can stop
        self._publisher = self.create_publisher(OccupancyGrid, "free_space", 1)
        self._subscribe()
        self.create_timer(self._values["max_age"] / 4, self._check_age, clock=Clock(
            clock_type=ClockType.STEADY_TIME))

    def _subscribe(self) -> None:
        self._listen(Image, "segmentation/labels", self._on_labels)
        if self._values["min_confidence"] > 0:
            self._listen(Image, "segmentation/confidence", self._on_confidence)
        self._listen(CameraInfo, "camera_info", self._on_camera_info)
        if label_info_is_available():
            self._listen(LabelInfo, "segmentation/label_info", self._on_label_info, LABEL_INFO_QOS)
        else:
            self.get_logger().warning("vision_msgs, of ROS 2 Humble or newer, is not installed: nothing "
                                      "checks that the labels are of this model")

    def _listen(self, kind: Any, name: str, callback: Callable[[Any], None],
                qos: QoSProfile = _NEWEST) -> None:
        self._topics[name] = self.create_subscription(kind, name, callback, qos).topic_name

    def _on_label_info(self, message: Any) -> None:
        self._label_info = message

    def _on_camera_info(self, message: CameraInfo) -> None:
        self._camera_info = message

    def _on_confidence(self, message: Image) -> None:
        self._matcher.add_confidence(message)
        self._serve()

    def _on_labels(self, message: Image) -> None:
        if self._matcher.add_labels(message) is not None:
            self._warn("unmatched", "labels are left out, since nothing on {} has their stamp: remap "
                       "segmentation/confidence to the segmentation node's, or set min_confidence:=0 to do "
                       "without".format(self._topics["segmentation/confidence"]))
        self._serve()

    def _serve(self) -> None:
        pair = self._matcher.take()
        if pair is None:
            return
        try:
            expires = self._expiry(pair.labels)
            cells = self._grid(pair)
        except UnfitError as error:
            self._warn(error.kind, "{}; no grid is made of it".format(error))
            return
        self._expires = expires
        self._publish(cells, pair.labels.header.stamp)

    def _expiry(self, labels: Image) -> float:
        """When the labels are stale, by time.monotonic(); a stamp in the future lives no longer for it."""
        stamp, limit = labels.header.stamp, self._values["max_age"]
        age = self.get_clock().now().nanoseconds / 1e9 - stamp.sec - stamp.nanosec / 1e9
        if abs(age) > limit:
            raise UnfitError("stale", "labels are {:.2f} s old, max_age is {:g} s: check the clocks, "
                             "use_sim_time and the segmentation node's latency".format(age, limit))
        return time.monotonic() + limit - max(age, 0.0)

    def _grid(self, pair: Pair) -> np.ndarray:
        if self._label_info is not None:
            check_label_info(self._label_info, self._label_space)
        labels, confidence = labels_from_msg(pair.labels, self._label_space), None
        ahead = slice(len(labels) - int(np.ceil(len(labels) * self._values["bonnet"])))
        if pair.confidence is not None:
            confidence = confidence_from_msg(pair.confidence, labels)[ahead]
        corridor = find_corridor(labels[ahead], self._road, confidence,
                                 int(np.ceil(255 * self._values["min_confidence"])))
        return project_corridor(corridor, self._ground_camera(pair.labels), self._shape)

    def _ground_camera(self, labels: Image) -> GroundCamera:
        if self._camera_info is None:
            raise UnfitError("no camera_info", "no message on {} yet".format(self._topics["camera_info"]))
        return ground_camera(self._camera_info, labels, self._values["camera_height"],
                             self._values["camera_pitch"])

    def _check_age(self) -> None:
        if time.monotonic() <= self._expires:
            return
        self._warn("silent", "no usable labels on {} within {:g} s: the grid says unknown".format(
            self._topics["segmentation/labels"], self._values["max_age"]))
        self._publish(np.full((self._shape.rows, self._shape.columns), UNKNOWN, np.int8),
                      self.get_clock().now().to_msg())

    def _publish(self, cells: np.ndarray, stamp: Any) -> None:
        message = OccupancyGrid(data=array("b", cells.tobytes()))
        message.header.stamp, message.header.frame_id = stamp, self._values["base_frame"]
        message.info.map_load_time = stamp
        message.info.resolution = self._shape.resolution
        message.info.width, message.info.height = self._shape.columns, self._shape.rows
        message.info.origin.position.x = self._values["camera_x"]
        message.info.origin.position.y = self._values["camera_y"] + self._shape.right_edge
        message.info.origin.orientation.w = 1.0
        self._publisher.publish(message)

    def _warn(self, kind: str, text: str) -> None:
        """Warn, unless it has just been said."""
        now = time.monotonic()
        if now - self._warned.get(kind, -_WARN_EVERY_S) >= _WARN_EVERY_S:
            self._warned[kind] = now
            self.get_logger().warning(printable(text))


def _road_ids(names: Any, label_space: LabelSpace) -> List[int]:
    if not names:
        raise InputError("road_classes is empty; expected at least one class, such as ['road']")
    return [label_space.id_of(name) for name in names]


def main(arguments: Optional[List[str]] = None) -> int:
    """Run until SIGINT or SIGTERM. Exit status 2 when a parameter is refused."""
    try:
        rclpy.init(args=arguments)
        node = FreeSpacePlanner()
        warn_of_unmatched_files(node, arguments)
    except (InputError, ParameterException, RuntimeError) as error:
        print(printable("free_space_planner: " + " ".join(str(error).split())), file=sys.stderr)
        rclpy.try_shutdown()
        return BAD_INPUT
    try:
        executor = SingleThreadedExecutor()
        executor.add_node(node)
        while rclpy.ok():
            spin_once(executor, node.get_logger())
    except KeyboardInterrupt:
        pass
    finally:
        node.destroy_node()
        rclpy.try_shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
