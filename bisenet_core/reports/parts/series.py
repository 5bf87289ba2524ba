"""Long series cut down to what a chart can show, and round numbers for its axes."""

import math
from dataclasses import dataclass

import numpy as np

#: More points than this a chart on a screen cannot show.
MOST_POINTS = 600


@dataclass(frozen=True)
class Reduced:
    """A series as bins of neighbouring points: float64 arrays of one length; a bin without a value is NaN."""

    x: np.ndarray
    middle: np.ndarray
    """Median of the bin."""
    low: np.ndarray
    high: np.ndarray


def reduce_series(x: np.ndarray, y: np.ndarray, most: int = MOST_POINTS) -> Reduced:
    """``y`` over ``x``, float64 N each, in at most ``most`` bins of as many points each."""
    bins = np.array_split(np.arange(len(x)), max(1, min(most, len(x))))
    columns = [_bin(x[part], y[part]) for part in bins if len(part)]
    return Reduced(*np.array(columns, np.float64).reshape(-1, 4).T)


def _bin(x: np.ndarray, y: np.ndarray) -> tuple[float, float, float, float]:
    known = y[np.isfinite(y)]
    if not known.size:
        return float(x.mean()), math.nan, math.nan, math.nan
    return float(x.mean()), float(np.median(known)), float(known.min()), float(known.max())


def round_step(span: float, steps: int) -> float:
    """The distance of about ``steps`` round numbers (1, 2 or 5 times a power of ten) over ``span`` > 0."""
    rough = span / max(steps, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    return float(next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999))


_CLOCK_STEPS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 900, 1800, 3600)


def clock_step(span: float, steps: int) -> float:
    """The same for seconds, in steps that a clock shows."""
    rough = span / max(steps, 1)
    if rough < 1:
        return round_step(span, steps)
    return float(next((step for step in _CLOCK_STEPS if step >= rough), math.ceil(rough / 3600) * 3600))


def multiples(step: float, limit: float) -> list[float]:
    """0, step, 2 step ... up to ``limit``."""
    return [place * step for place in range(int(limit / step + 1e-9) + 1)]


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
