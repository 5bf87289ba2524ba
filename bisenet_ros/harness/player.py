"""Player: publishes the frames of a drive at the pace of its recording."""

import time
from collections.abc import Callable, Iterator
from typing import Any

from sensor_msgs.msg import Image
from std_msgs.msg import Header

from bisenet_core.drives.drive import Frame
from bisenet_core.drives.read_ahead import read_ahead
from bisenet_ros.harness.camera_publisher import FRAME_ID, to_stamp
from bisenet_ros.harness.live_account import LiveAccount, Sent
from bisenet_ros.harness.timeline import Timeline
from bisenet_ros.image_messages import image_to_msg

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
