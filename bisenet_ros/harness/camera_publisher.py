"""Publish images as a camera does, and convert stamps."""

from typing import Any

from builtin_interfaces.msg import Time
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy

# Being matched here does not mean that the subscriber's side has finished, and what a best-effort reader
# has not matched it never sees. Discovery takes 0.05 to 0.2 s once it has begun.
SETTLE_S = 0.5

FRAME_ID = "camera_optical_frame"  # of images that were recorded without one


def create_camera(ros: Any, message_type: type, topic: str, depth: int = 5) -> Any:
    """A publisher of images on ``topic``."""
    # Reliable suits best-effort and reliable subscribers alike. A short queue: a camera keeps no history.
    qos = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=depth, reliability=ReliabilityPolicy.RELIABLE)
    return ros.create_publisher(message_type, topic, qos)


def stamp_ns(stamp: Time) -> int:
    """builtin_interfaces/Time in nanoseconds."""
    return int(stamp.sec * 1000000000 + stamp.nanosec)


def to_stamp(nanoseconds: int) -> Time:
    """The inverse of ``stamp_ns``."""
    seconds, rest = divmod(nanoseconds, 1000000000)
    return Time(sec=seconds, nanosec=rest)
