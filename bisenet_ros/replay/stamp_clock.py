"""stamps_problem: whether a recording's stamps are of the clock that it was recorded by."""

import numpy as np

from bisenet_core.drives.bag_drive import BagDrive

# An image reaches the recorder sooner; what lies farther apart are two clocks.
_APART_S = 10.0

# Enough that one odd stamp decides nothing.
_FRAMES = 5


def stamps_problem(recording: BagDrive) -> str:
    """Why the age of its images cannot be told from their stamps, one line, or empty."""
    first = [frame for frame in recording.frames(0, _FRAMES) if frame.image is not None]
    early_s = [(frame.recorded_ns - frame.stamp_ns) / 1e9 for frame in first]
    apart_s = float(np.median(early_s)) if early_s else 0.0
    if abs(apart_s) <= _APART_S:
        return ""
    side = "before" if apart_s > 0 else "after"
    return (f"ages are left out: the images' stamps lie {abs(apart_s):.0f} s {side} the times of recording, "
            "which /clock follows, so they are of another clock; a node with max_image_age may refuse them")
