"""Player: publishes the frames of a recording when they are due."""

import time
from collections.abc import Callable
from typing import Any

from sensor_msgs.msg import Image
from std_msgs.msg import Header

from bisenet_core.drives.bag_drive import BagDrive
from bisenet_core.drives.read_ahead import read_ahead
from bisenet_ros.harness.camera_publisher import to_stamp
from bisenet_ros.image_messages import image_to_msg
from bisenet_ros.replay.live_account import LiveAccount
from bisenet_ros.replay.passes import DueFrame, due_frames
from bisenet_ros.replay.timeline import Timeline

# Enough that a slow read delays no image; at 2048x1024 this holds 50 MB.
_FRAMES_AHEAD = 8
_PATIENCE_S = 0.2

FRAME_ID = "camera_optical_frame"  # of images that were recorded without one


class Player:
    """Publishes rgb8 images on ``publisher``, each noted in ``account`` before it goes out.

    ``now_ns`` gives the stamp of an image that is published now; with None they keep the recorded ones.
    """

    def __init__(self, publisher: Any, account: LiveAccount, timeline: Timeline,
                 now_ns: Callable[[], int] | None) -> None:
        self._publisher = publisher
        self._account = account
        self._timeline = timeline
        self._now_ns = now_ns

    def play(self, recording: BagDrive, loop: bool, go_on: Callable[[], bool]) -> None:
        """Play to the end, or until ``go_on``, asked at least five times a second, says no.

        A frame that is late does not delay the next; those that cannot be read are left out.
        """
        self._timeline.run()
        for due in read_ahead(due_frames(recording, loop), _FRAMES_AHEAD):
            if due.frame.image is None:
                self._account.leave_out(due.frame)
                continue
            header = Header(frame_id=due.frame.frame_id or FRAME_ID)
            message = image_to_msg(due.frame.image, "rgb8", header)
            if not self._wait_until(due.due_ns, go_on):
                return
            self._publish(due, message)

    def _wait_until(self, due_ns: int, go_on: Callable[[], bool]) -> bool:
        while go_on():
            if self._timeline.wait_until(due_ns, _PATIENCE_S):
                return True
        return False

    def _publish(self, due: DueFrame, message: Image) -> None:
        wanted = due.stamp_ns if self._now_ns is None else self._now_ns()
        late_s = self._timeline.late_s(due.due_ns)
        message.header.stamp = to_stamp(self._account.send(wanted, due.frame, time.monotonic(), late_s))
        self._publisher.publish(message)
