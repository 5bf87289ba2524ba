"""Listen to a segmentation node through a ROS node, which is spun in a thread of its own."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image

from bisenet_ros.harness.node_watch import NodeWatch
from bisenet_ros.peers import spin_once

# Room for labels that come while others are being taken: none may be lost here.
_LABELS_QOS = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=50, reliability=ReliabilityPolicy.RELIABLE)


def listen(ros: Any, segmentation: str, on_labels: Callable[[int, Image], None],
           cameras: Sequence[str] = ("",)) -> NodeWatch:
    """Subscribe to the labels and diagnostics of the node that ``segmentation`` names.

    ``ros`` is the rclpy node that listens. ``segmentation`` is resolved as the topics below it are, such as
    "segmentation/labels". ``on_labels`` gets a camera's place in ``cameras``, and its labels.
    """
    for index, camera in enumerate(cameras):
        topic = "/".join(filter(None, [segmentation, camera, "labels"]))
        ros.create_subscription(Image, topic, partial(on_labels, index), _LABELS_QOS)
    watch = NodeWatch(ros.resolve_topic_name(f"{segmentation}/labels").rsplit("/", 1)[0], cameras)
    # In this order: the node hears of subscriptions in the order in which they are made. Once its diagnostics
    # reach us it knows these readers of its labels too, and no label can be lost to discovery.
    ros.create_subscription(DiagnosticArray, "/diagnostics", watch.on_diagnostics, 10)
    return watch


@contextmanager
def spinning(ros: Any) -> Iterator[Any]:
    """Run the callbacks of a ROS node in a thread of its own until the block ends; then destroy the node."""
    executor = SingleThreadedExecutor()
    executor.add_node(ros)
    ended = threading.Event()
    thread = threading.Thread(target=_spin, args=(executor, ros.get_logger(), ended), daemon=True)
    thread.start()
    try:
        yield ros
    finally:
        ended.set()
        thread.join(5.0)
        executor.shutdown()
        ros.destroy_node()


def _spin(executor: SingleThreadedExecutor, logger: Any, ended: threading.Event) -> None:
    while not ended.is_set():
        spin_once(executor, logger)
