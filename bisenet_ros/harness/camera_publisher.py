"""How a camera publishes, for every tool that stands in for one."""

import time
from typing import Any

from builtin_interfaces.msg import Time
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy

from bisenet_core.errors import InputError

# Being matched here does not mean that the subscriber's side has finished, and what a best-effort reader
# has not matched it never sees. Discovery takes 0.05 to 0.2 s once it has begun.
SETTLE_S = 0.5


def create_camera(node: Any, message_type: type, topic: str, depth: int = 5) -> Any:
    """A publisher of images on ``topic``."""
    # Reliable suits best-effort and reliable subscribers alike. A short queue: a camera keeps no history.
    qos = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=depth, reliability=ReliabilityPolicy.RELIABLE)
    return node.create_publisher(message_type, topic, qos)


def wait_for_subscriber(publisher: Any, timeout_s: float) -> None:
    """Return once a subscription is matched and settled. Raises InputError after ``timeout_s``."""
    deadline = time.monotonic() + timeout_s
    while not publisher.get_subscription_count():
        if time.monotonic() > deadline:
            raise InputError(
                f"nobody subscribed to {publisher.topic_name} within {timeout_s:.0f} s; is the node running, "
                "and on the same ROS_DOMAIN_ID?"
            )
        time.sleep(0.02)
    time.sleep(SETTLE_S)


def stamp_ns(stamp: Time) -> int:
    """builtin_interfaces/Time in nanoseconds."""
    return int(stamp.sec * 1000000000 + stamp.nanosec)


def to_stamp(nanoseconds: int) -> Time:
    """The inverse of ``stamp_ns``."""
    seconds, rest = divmod(nanoseconds, 1000000000)
    return Time(sec=seconds, nanosec=rest)
