"""Which frames the report shows: evenly spaced ones, and those that went best and worst."""

from dataclasses import dataclass

import numpy as np

from bisenet_core.reports.contact_sheet import spread
from bisenet_core.reports.parts.extremes import extremes
from bisenet_core.reports.replay.frame_table import FrameTable

#: By which frames are ranked: the first of these columns that has values, and its name in the report.
RANKINGS = {
    "miou": "mIoU",
    "pixel_accuracy": "pixel accuracy",
    "teacher_agreement": "agreement with the teacher",
    "consistency": "temporal consistency",
}


@dataclass(frozen=True)
class Choice:
    """Places of frames in a FrameTable."""

    film: list[int]
    """In order of time."""
    best: list[int]
    """The best first."""
    worst: list[int]
    """The worst first."""
    ranking: str
    """Column by which they were ranked, or empty where there is none."""


def choose(frames: FrameTable, film: int = 12, each: int = 4) -> Choice:
    """``film`` evenly spaced frames and ``each`` of the best and the worst, among those labelled.

    Neighbours in a drive look alike, so chosen ones keep apart as far as there are frames enough.
    """
    labelled = np.flatnonzero(np.isfinite(frames.column("segment_ms")))
    strip = [int(labelled[place]) for place in sorted(spread(len(labelled), film))]
    ranking = next((name for name in RANKINGS if np.isfinite(frames.column(name)[labelled]).any()), "")
    if not ranking:
        return Choice(strip, [], [], "")
    values = frames.column(ranking)
    ranked = labelled[np.isfinite(values[labelled])]
    ranked = ranked[np.argsort(values[ranked], kind="stable")]
    best, worst = extremes(frames.bag, frames.index, ranked, each)
    return Choice(strip, best, worst, ranking)
