"""Listen to a segmentation node: its labels, and what its diagnostics tell of its state."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image

from bisenet_ros.diagnostics import counts_from_values, status_name
from bisenet_ros.frame_account import FrameCounts, sum_counts
from bisenet_ros.peers import spin_once

# Its diagnostics come once a second.
SILENCE_S = 10.0

#: What diagnostics say of the network of an active node.
RUNS = ("model", "backend", "precision", "device", "input_size")
_NOTHING = FrameCounts(0, 0, {}, {})


class NodeAccount(NamedTuple):
    """One camera's status in the node's diagnostics."""

    counts: FrameCounts
    facts: dict[str, str]  # all of its values: state, model, backend, precision, times of each stage, ...


class NodeWatch:
    """Keeps the last diagnostics of the node ``node_name``, such as "/segmentation", and waits for news.

    ``cameras`` are the node's, in order; one without a name is "". Safe to use from many threads.
    """

    def __init__(self, node_name: str, cameras: Sequence[str] = ("",),
                 now: Callable[[], float] = time.monotonic) -> None:
        self.node_name = node_name
        self.accounts: list[NodeAccount] = []  # of each camera; none before any were heard
        self.heard = 0  # messages
        self.last_heard = now()
        namespace, _, name = node_name.rpartition("/")
        self._names = [status_name(namespace, name, camera) for camera in cameras]
        self._start = _NOTHING
        self._now = now
        self._changed = threading.Condition()

    def on_diagnostics(self, message: DiagnosticArray) -> None:
        """Update from a diagnostics message; others' change nothing, also where they bear the node's name."""
        found = {status.name: {value.key: value.value for value in status.values}
                 for status in message.status if status.name in self._names}
        if len(found) < len(self._names):
            return
        try:
            accounts = [_account(found[name]) for name in self._names]
        except (KeyError, ValueError):
            return
        with self._changed:
            # A node's counts never fall while it lives. What the one before had counted stays counted.
            if sum_counts(account.counts for account in accounts).received < self._counts().received:
                self._start = counts_since(self._counts(), self._start)
            self.accounts = accounts
            self.heard += 1
            self.last_heard = self._now()
            self._changed.notify_all()

    def begin(self) -> None:
        """Count from now on."""
        with self._changed:
            self._start = self._counts()

    def counts(self) -> FrameCounts:
        """What became of all cameras' images since ``begin``, before a restart of the node too."""
        with self._changed:
            return counts_since(self._start, self._counts())

    def wait(self, condition: Callable[[], object], timeout_s: float) -> bool:
        """Return whether ``condition`` came true; it is tried at each diagnostics and ten times a second."""
        deadline = self._now() + timeout_s
        with self._changed:
            while not condition():
                if self._now() > deadline:
                    return False
                self._changed.wait(0.1)
        return True

    def settle(self, sent: int, labels: Callable[[], int], timeout_s: float,
               give_up: Callable[[], object] = lambda: False) -> bool:
        """Wait until it is known what became of each of ``sent`` images; return whether it was in time.

        ``labels`` tells how many label images have come. Waiting ends at once where ``give_up`` is true.
        """
        heard = self.heard

        def is_settled() -> bool:
            counts = self.counts()
            # An image lost on its way never comes up in the account. Diagnostics come once a second, and the
            # second ones after the last image are sure to include it.
            complete = counts.received == sent or self.heard >= heard + 2
            return complete and not counts.pending and labels() >= counts.published

        return self.wait(lambda: give_up() or is_settled(), timeout_s)

    def not_active(self) -> str:
        """Why it cannot be said to take images, one line, or empty."""
        if not self.accounts:
            return f"no diagnostics of {self.node_name} came"
        state = self.accounts[0].facts.get("state", "in no known state")
        return "" if state == "active" else f"{self.node_name} is {state}, not active"

    def gone(self) -> str:
        """Why it is no longer at work, one line, or empty."""
        if self._now() - self.last_heard > SILENCE_S:
            return f"{self.node_name} has been silent for {SILENCE_S:.0f} s: it has died, or hangs"
        return self.not_active()

    def _counts(self) -> FrameCounts:
        return sum_counts(account.counts for account in self.accounts)


def _account(values: dict[str, str]) -> NodeAccount:
    """Raises KeyError or ValueError for values that are not such as the node's."""
    missing = [name for name in RUNS if name not in values]
    if values["state"] == "active" and missing:
        raise KeyError(missing)
    return NodeAccount(counts_from_values(values), values)


def counts_since(start: FrameCounts, end: FrameCounts) -> FrameCounts:
    """What a node's account grew by."""
    def grown(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
        changes = {reason: after.get(reason, 0) - before.get(reason, 0) for reason in {**before, **after}}
        return {reason: count for reason, count in changes.items() if count}

    return FrameCounts(end.received - start.received, end.published - start.published,
                       grown(start.dropped, end.dropped), grown(start.failed, end.failed))


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
