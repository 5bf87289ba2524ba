"""The times of a recording: when its frames are to be played, and whether its stamps tell their age."""

import itertools
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from bisenet_core.drives.bag_drive import BagDrive
from bisenet_core.drives.drive import Frame

_LONE_FRAME_NS = 100_000_000

# An image reaches the recorder sooner; what lies farther apart are two clocks.
_APART_S = 10.0

# Enough that one odd stamp decides nothing.
_FRAMES = 5


def frames_to_play(recording: BagDrive, loop: bool) -> Iterator[Frame]:
    """All frames in the order of recording; with ``loop`` without end, their times going on all the while.

    A recording of which no frame can be read ends after its first pass.
    """
    span, readable = _span_ns(recording.times_ns), False
    for number in itertools.count() if loop else range(1):
        if number and not readable:
            return
        offset = number * span
        for frame in recording.frames(with_truth=False):
            readable = readable or frame.image is not None
            yield replace(frame, recorded_ns=frame.recorded_ns + offset, stamp_ns=frame.stamp_ns + offset)


def _span_ns(times_ns: np.ndarray) -> int:
    """From the first frame of a pass to the first of the next, with one usual gap between the passes."""
    gap = int(np.median(np.diff(times_ns))) if len(times_ns) > 1 else 0
    return int(times_ns[-1] - times_ns[0]) + (gap or _LONE_FRAME_NS)


def stamps_problem(recording: BagDrive) -> str:
    """Why the age of its images cannot be told from their stamps, one line, or empty."""
    first = [frame for frame in recording.frames(0, _FRAMES, with_truth=False) if frame.image is not None]
    early_s = [(frame.recorded_ns - frame.stamp_ns) / 1e9 for frame in first]
    apart_s = float(np.median(early_s)) if early_s else 0.0
    if abs(apart_s) <= _APART_S:
        return ""
    side = "before" if apart_s > 0 else "after"
    return (f"ages are left out: the images' stamps lie {abs(apart_s):.0f} s {side} the times of recording, "
            "which /clock follows, so they are of another clock; a node with max_image_age may refuse them")
