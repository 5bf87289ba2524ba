"""The frames of a recording as they are to be played, once or over and over."""

import itertools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from bisenet_core.drives.bag_drive import BagDrive
from bisenet_core.drives.drive import Frame

_LONE_FRAME_NS = 100_000_000


class DueFrame(NamedTuple):
    """A frame, and the times that it has in this pass: both go on from pass to pass."""

    frame: Frame
    due_ns: int    # when it was recorded
    stamp_ns: int  # its header's


def due_frames(recording: BagDrive, loop: bool) -> Iterator[DueFrame]:
    """All frames in the order of recording; with ``loop`` without end."""
    span = _span_ns(recording.times_ns)
    for number in itertools.count() if loop else range(1):
        for frame in recording.frames():
            offset = number * span
            yield DueFrame(frame, frame.recorded_ns + offset, frame.stamp_ns + offset)


def _span_ns(times_ns: np.ndarray) -> int:
    """From the first frame of a pass to the first of the next, with one usual gap between the passes."""
    gap = int(np.median(np.diff(times_ns))) if len(times_ns) > 1 else 0
    return int(times_ns[-1] - times_ns[0]) + (gap or _LONE_FRAME_NS)
