"""A recorder: receives the labels a node publishes, writes each to disk and notes when it came."""

import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Callable, Dict, Iterator, NamedTuple, Optional

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import Image

from bisenet_core.drives.image_files import write_image
from bisenet_core.errors import InputError
from bisenet_ros.harness.camera_publisher import stamp_ns
from bisenet_ros.harness.node_account import NodeAccount, account_from_diagnostics
from bisenet_ros.image_messages import image_from_msg

LABELS_TOPIC = "/segmentation/labels"


class Receipt(NamedTuple):
    """One label image that arrived."""

    received: float  # time.monotonic() at the callback's start, seconds
    path: Path  # 8-bit grey PNG of class ids


class LabelRecorder(Node):
    """Labels by stamp, and the node's latest account of its frames.

    Labels go to ``folder``/<stamp in ns>.png at once: memory does not grow with the drive, and nothing
    received is lost when the recording is cut short. Overlays are not drawn here, because that would take
    processor time from the node whose latency is being measured.
    """

    def __init__(self, folder: Path, labels_topic: str = LABELS_TOPIC) -> None:
        super().__init__("label_recorder")
        self.receipts: Dict[int, Receipt] = {}
        self.account: Optional[NodeAccount] = None
        self.accounts_heard = 0
        self.unwritten = 0  # labels that came and could not be kept
        self.failure: Optional[str] = None  # why, for the first of them
        self._folder = folder
        self._changed = threading.Condition()
        deep = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=50, reliability=ReliabilityPolicy.RELIABLE)
        # In this order: the node hears of subscriptions in the order in which they are made. Once its
        # diagnostics reach us it knows this reader of its labels too, and no label can be lost to discovery.
        self.create_subscription(Image, labels_topic, self._on_labels, deep)
        self.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, 10)

    def wait(self, condition: Callable[[], bool], timeout_s: float) -> bool:
        """Return whether ``condition`` came true; it is tried after each message and ten times a second."""
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while not condition():
                if time.monotonic() > deadline:
                    return False
                self._changed.wait(0.1)
        return True

    def notify(self) -> None:
        """Have ``wait`` look at its condition now."""
        with self._changed:
            self._changed.notify_all()

    def _on_labels(self, message: Image) -> None:
        received = time.monotonic()
        stamp = stamp_ns(message.header.stamp)
        path = self._folder / "{}.png".format(stamp)
        try:
            labels, _ = image_from_msg(message)
            write_image(path, labels)
        except InputError as error:  # such as a full disk; raised in this thread it would be lost
            self._not_written(str(error))
            return
        with self._changed:
            self.receipts[stamp] = Receipt(received, path)
            self._changed.notify_all()

    def _not_written(self, why: str) -> None:
        with self._changed:
            self.unwritten += 1
            self.failure = self.failure or why
            self._changed.notify_all()

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        account = account_from_diagnostics(message)
        if account is not None:
            with self._changed:
                self.account = account
                self.accounts_heard += 1
                self._changed.notify_all()


@contextmanager
def recording(folder: Path) -> Iterator[LabelRecorder]:
    """A LabelRecorder that listens in a thread of its own until the block ends."""
    # Ctrl-C belongs to the demo, which still has something to write.
    rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
    recorder = LabelRecorder(folder)
    executor = SingleThreadedExecutor()
    executor.add_node(recorder)
    thread = threading.Thread(target=executor.spin, daemon=True)
    thread.start()
    try:
        yield recorder
    finally:
        executor.shutdown()
        thread.join(5.0)
        recorder.destroy_node()
        rclpy.try_shutdown()
