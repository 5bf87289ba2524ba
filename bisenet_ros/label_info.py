"""Publish vision_msgs/LabelInfo: which class each id in the label images stands for."""

from typing import Any, Optional

from builtin_interfaces.msg import Time
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy

from bisenet_core.labels.label_space import LabelSpace

try:
    from vision_msgs.msg import LabelInfo, VisionClass
except ImportError:  # it is not on PyPI, and before ROS 2 Humble it had no LabelInfo
    LabelInfo = VisionClass = None

LABEL_INFO_QOS = QoSProfile(
    history=HistoryPolicy.KEEP_LAST, depth=1, reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL)


def label_info_is_available() -> bool:
    """Whether vision_msgs is installed, and new enough."""
    return LabelInfo is not None


def label_info_to_msg(label_space: LabelSpace, min_confidence: float, stamp: Time) -> Any:
    """LabelInfo with the ids and names of all classes, ascending.

    By vision_msgs' convention, 255 is unlabeled and not in the map. ``threshold`` is ``min_confidence``,
    0..1: pixels below it are unlabeled. Needs vision_msgs.
    """
    message = LabelInfo(threshold=float(min_confidence))
    message.header.stamp = stamp
    message.class_map = [VisionClass(class_id=class_id, class_name=name)
                         for class_id, name in enumerate(label_space.classes)]
    return message


class LabelInfoPublisher:
    """Publishes ``~/label_info``, ``prefix`` before the name; without vision_msgs it does nothing."""

    def __init__(self, node: Any, label_space: LabelSpace, prefix: str = "") -> None:
        self._node = node
        self._label_space = label_space
        self._published: Optional[float] = None
        self._publisher: Any = None
        if label_info_is_available():
            self._publisher = node.create_publisher(LabelInfo, f"~/{prefix}label_info", LABEL_INFO_QOS)

    def publish(self, min_confidence: float) -> None:
        """Publish, unless the last one published says the same."""
        if self._publisher is None or min_confidence == self._published:
            return
        self._publisher.publish(label_info_to_msg(
            self._label_space, min_confidence, self._node.get_clock().now().to_msg()))
        self._published = min_confidence

    def close(self) -> None:
        """Destroy the publisher."""
        if self._publisher is not None:
            self._node.destroy_publisher(self._publisher)
