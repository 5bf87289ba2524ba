"""Whether two evaluations came to the same, but for how long it took."""

from dataclasses import replace

import numpy as np

from bisenet_core.evaluation.replay.frame_result import COUNTS


def assert_same(frames, others):
    """The FrameResults are equal bit by bit, their timings left aside."""
    frames, others = list(frames), list(others)
    assert len(frames) == len(others)
    for one, two in zip(frames, others):
        for name in COUNTS:
            np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
        assert one.timings_ms.keys() == two.timings_ms.keys()
        assert bare(one) == bare(two)


def bare(frame):
    """The frame without counts and timings."""
    return replace(frame, timings_ms={}, **dict.fromkeys(COUNTS))
