"""How images come: raw or compressed, on which topic, under which QoS."""

from typing import Any, Callable, NamedTuple, Union

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image

from bisenet_ros.image_messages import compressed_from_msg, image_from_msg

ImageMessage = Union[Image, CompressedImage]


class Transport(NamedTuple):
    """How images come."""

    message_type: Any
    type_name: str
    topic_suffix: str  # behind the image topic as it is after remapping, as image_transport has it
    read: Callable     # message -> (array, colour order); raises ImageError


#: By the parameter `image_transport`.
TRANSPORTS = {
    "raw": Transport(Image, "sensor_msgs/msg/Image", "", image_from_msg),
    "compressed": Transport(CompressedImage, "sensor_msgs/msg/CompressedImage", "/compressed",
                            compressed_from_msg),
}


def image_qos(reliability: str) -> QoSProfile:
    """QoS of an image subscription: sensor data (REP 2003), depth 1, since an image that waits only ages."""
    policies = {"reliable": ReliabilityPolicy.RELIABLE, "best_effort": ReliabilityPolicy.BEST_EFFORT}
    return QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=1, durability=DurabilityPolicy.VOLATILE,
                      reliability=policies[reliability])
