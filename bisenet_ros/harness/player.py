"""Play the frames of a drive as a camera does, at the pace of its recording."""

import math
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from builtin_interfaces.msg import Time
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from bisenet_core.drives.drive import Frame
from bisenet_core.drives.read_ahead import read_ahead
from bisenet_ros.harness.live_account import LiveAccount, Sent
from bisenet_ros.image_messages import image_to_msg

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


class Timeline:
    """Recorded time that runs at ``rate`` once ``run``, and stands still while paused.

    ``now`` is a steady clock in seconds. Safe to use from many threads.
    """

    def __init__(self, rate: float, start_ns: int, now: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._now = now
        self._changed = threading.Condition()
        self._position_ns = start_ns
        self._running_since: float | None = None
        self._started = self._paused = False

    def run(self) -> None:
        """Begin to play, unless it is paused: then resuming begins."""
        self._started = True
        self._update()

    def pause(self, on: bool) -> None:
        """Stand still where it is, or go on from there."""
        self._paused = on
        self._update()

    def position_ns(self) -> int:
        """The moment of the recording that is being played."""
        with self._changed:
            return self._position()

    def wait_until(self, due_ns: int, timeout_s: float) -> bool:
        """Return whether the playing has reached ``due_ns`` and runs, after ``timeout_s`` at the latest."""
        deadline = self._now() + timeout_s
        with self._changed:
            while self._seconds_to(due_ns) > 0:
                patience = deadline - self._now()
                if patience <= 0:
                    return False
                self._changed.wait(min(self._seconds_to(due_ns), patience))
        return True

    def late_s(self, due_ns: int) -> float:
        """How long ago, in the computer's seconds, the playing passed ``due_ns``."""
        return (self.position_ns() - due_ns) / 1e9 / self._rate

    def _update(self) -> None:
        with self._changed:
            self._position_ns = self._position()
            self._running_since = self._now() if self._started and not self._paused else None
            self._changed.notify_all()

    def _position(self) -> int:
        if self._running_since is None:
            return self._position_ns
        return self._position_ns + round((self._now() - self._running_since) * self._rate * 1e9)

    def _seconds_to(self, due_ns: int) -> float:
        if self._running_since is None:
            return math.inf
        return (due_ns - self._position()) / 1e9 / self._rate


# Enough that a slow read delays no image; at 2048x1024 this holds 50 MB.
_FRAMES_AHEAD = 8
_PATIENCE_S = 0.2


class Player:
    """Publishes rgb8 images on ``publisher``, each noted in ``account`` before it goes out.

    ``now_ns`` gives the stamp of an image that is published now; with None they keep the recorded ones.
    """

    def __init__(self, publisher: Any, account: LiveAccount, timeline: Timeline,
                 now_ns: Callable[[], int] | None = time.time_ns) -> None:
        self._publisher = publisher
        self._account = account
        self._timeline = timeline
        self._now_ns = now_ns

    def play(self, frames: Iterator[Frame], go_on: Callable[[], bool]) -> None:
        """Play to the end, or until ``go_on``, asked for each frame and five times a second, says no.

        ``frames`` is a generator, whose errors are raised; a frame is due at its ``recorded_ns``. One that is
        late does not delay the next, and those without an image are left out.
        """
        for frame in read_ahead(frames, _FRAMES_AHEAD):
            self._timeline.run()  # since the first frame was read
            if frame.image is None:
                self._account.leave_out(frame.problem)
                if not go_on():
                    return
                continue
            message = image_to_msg(frame.image, "rgb8", Header(frame_id=frame.frame_id or FRAME_ID))
            if not self._wait_until(frame.recorded_ns, go_on):
                return
            self._publish(frame, message)

    def _wait_until(self, due_ns: int, go_on: Callable[[], bool]) -> bool:
        while go_on():
            if self._timeline.wait_until(due_ns, _PATIENCE_S):
                return True
        return False

    def _publish(self, frame: Frame, message: Image) -> None:
        wanted = frame.stamp_ns if self._now_ns is None else self._now_ns()
        sent = Sent(frame.index, frame.name, time.monotonic())
        late_s = self._timeline.late_s(frame.recorded_ns)
        message.header.stamp = to_stamp(self._account.send(wanted, sent, late_s))
        self._publisher.publish(message)
