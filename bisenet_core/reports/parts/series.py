"""Long series cut down to what a chart can show."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

#: More points than this a chart on a screen cannot show.
MOST_POINTS = 600


class Reduced(NamedTuple):
    """A series as bins of neighbouring points: float64 arrays of one length; a bin without a value is NaN."""

    x: np.ndarray
    middle: np.ndarray
    """Median of the bin."""
    low: np.ndarray
    high: np.ndarray


def reduce_series(x: np.ndarray, y: np.ndarray, parts: Sequence[slice] = (slice(None),)) -> Reduced:
    """``y`` over ``x``, float64 N each, in at most about ``MOST_POINTS`` bins of as many points each.

    No bin reaches from one of ``parts`` into another; a NaN between them breaks a line there.
    """
    columns: list[tuple[float, float, float, float]] = []
    for part in parts:
        points = len(x[part])
        bins = max(1, min(points, round(points * MOST_POINTS / max(len(x), 1))))
        columns += map(_bin, np.array_split(x[part], bins), np.array_split(y[part], bins))
        columns.append((math.nan,) * 4)
    return Reduced(*np.array(columns, np.float64).T)


def _bin(x: np.ndarray, y: np.ndarray) -> tuple[float, float, float, float]:
    known = y[np.isfinite(y)]
    middle = float(x.mean()) if x.size else math.nan
    if not known.size:
        return middle, math.nan, math.nan, math.nan
    return middle, float(np.median(known)), float(known.min()), float(known.max())


def shown_limit(values: np.ndarray, also: float = 0.0) -> float:
    """Top of an axis: above nearly all ``values`` and, where it is not far off, above ``also``.

    A few outliers, such as the first frame's, must not flatten all others.
    """
    known = values[np.isfinite(values)]
    if not known.size:
        return max(also, 1.0)
    outliers = max(1, known.size // 200) if known.size > 9 else 0
    most, usual = (float(np.partition(known, -place)[-place]) for place in (1, 1 + outliers))
    top = most if most <= 2 * usual else 1.5 * usual
    return 1.08 * max(top, also if also <= 4 * top else 0.0, 1e-9)
