"""What replay evaluation keeps of each frame: integers that add up to the same totals in any order."""

from dataclasses import dataclass, field

import numpy as np

#: Stages of ``FrameResult.timings_ms``; "segment" is the whole Segmenter.
STAGES = ("decode", "preprocess", "network", "postprocess", "segment")


@dataclass(frozen=True)
class FrameResult:
    """One frame's outcome. Arrays are int64 counts; None where there was nothing to compare with."""

    index: int
    recorded_ns: int
    stamp_ns: int
    width: int = 0
    height: int = 0
    problem: str = ""
    """Why it was not labelled or not scored, or empty."""
    timings_ms: dict[str, float] = field(default_factory=dict)
    """By stage; empty where it was not labelled."""
    confusion: np.ndarray | None = None
    """C x (C + 1), [truth, prediction]; the last column counts pixels predicted to be no class."""
    boundary: np.ndarray | None = None
    """C x 4: boundary pixels predicted, of them near true ones; boundary pixels true, of them near ours."""
    calibration: np.ndarray | None = None
    """256 x 2, by confidence value: scored pixels, of them right."""
    temporal: np.ndarray | None = None
    """C x 2, against the frame before: pixels of a class that could be followed, of them changed."""
    teacher: np.ndarray | None = None
    """C x (C + 1), [teacher's class, ours]."""
