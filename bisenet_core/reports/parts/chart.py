"""A chart of a report: two axes, marks with their key, and a note; plot.html.j2 draws it.

Only the marks are SVG, in a square of 1000 x 1000 that is stretched to the width of the page. Texts stay
HTML, so that they have one size on a wide screen and on a phone.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from bisenet_core.reports.parts.formats import percent

SIDE = 1000


@dataclass(frozen=True)
class Axis:
    """An axis from 0 to ``limit`` with a tick at each multiple of ``step``; ``text`` writes its value."""

    limit: float
    step: float
    text: Callable[[float], str]
    label: str = ""

    @property
    def ticks(self) -> list[tuple[float, str]]:
        """Where they are, in per cent of the axis from its origin, and their texts."""
        values = [place * self.step for place in range(int(self.limit / self.step + 1e-9) + 1)]
        return [(round(100 * value / self.limit, 2), self.text(value)) for value in values]


def number_axis(
    limit: float, text: Callable[[float], str] = "{:g}".format, steps: int = 4, label: str = "",
    whole: bool = False,
) -> Axis:
    """An axis with about ``steps`` round numbers; with ``whole`` no fractions among them."""
    step = round_step(limit, steps)
    return Axis(limit, max(1.0, step) if whole else step, text, label)


def share_axis(limit: float = 1.0, steps: int = 4, label: str = "") -> Axis:
    """An axis of shares of 1, written as per cent."""
    digits = 0 if limit > 0.05 else 1
    return number_axis(limit, lambda share: percent(share, digits), steps, label)


def round_step(span: float, steps: int) -> float:
    """The distance of about ``steps`` round numbers (1, 2 or 5 times a power of ten) over ``span`` > 0."""
    rough = span / steps
    power = 10.0 ** math.floor(math.log10(rough))
    return float(next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999))


class Mark(NamedTuple):
    """A path of the drawing; ``kind`` is its class in the style sheet."""

    kind: str
    path: str


class Chart:
    """A chart to be drawn upon. A mark with a ``meaning`` is explained in the key.

    Coordinates are float64 arrays in the units of the axes; what lies above the chart is drawn at its top.
    """

    def __init__(self, title: str, x: Axis, y: Axis, note: str = "") -> None:
        self.title, self.x, self.y, self.note = title, x, y, note
        self.marks: list[Mark] = []
        self.key: list[tuple[str, str]] = []
        """Kind of mark and what it means."""

    def add(self, kind: str, path: str, meaning: str = "") -> None:
        """Draw an SVG path in the coordinates of ``across`` and ``down``."""
        self.marks.append(Mark(kind, path))
        if meaning:
            self.key.append((kind, meaning))

    def line(self, kind: str, x: np.ndarray, y: np.ndarray, meaning: str = "") -> None:
        """Draw a line through the points; broken where y is NaN; a point alone is a dash."""
        runs = _known_runs(y)
        self.add(kind, "".join(_polyline(self.across(x[run]), self.down(y[run])) for run in runs), meaning)

    def dots(self, kind: str, x: np.ndarray, y: np.ndarray, meaning: str = "") -> None:
        """Draw each point by itself."""
        self.add(kind, "".join(map(_dash, self.across(x), self.down(y))), meaning)

    def band(self, kind: str, x: np.ndarray, low: np.ndarray, high: np.ndarray) -> None:
        """Fill what lies between two lines; broken where either is NaN."""
        path = ""
        for run in _known_runs(low + high):
            if run.stop - run.start > 1:
                across = self.across(x[run])
                edge = np.concatenate([self.down(high[run]), self.down(low[run])[::-1]])
                path += _polyline(np.concatenate([across, across[::-1]]), edge) + "Z"
        self.add(kind, path)

    def bars(
        self, kind: str, left: np.ndarray, right: np.ndarray, height: np.ndarray, meaning: str = ""
    ) -> None:
        """Draw upright bars with a hair between them; none where the height is 0 or NaN."""
        bars = zip(self.across(left), self.across(right), self.down(height))
        self.add(kind, "".join(f"M{start + 1:.0f} {SIDE}V{top:.0f}H{stop - 1:.0f}V{SIDE}Z"
                               for start, stop, top in bars if top < SIDE), meaning)

    def uprights(self, kind: str, x: Iterable[float], meaning: str = "") -> None:
        """Draw lines from bottom to top."""
        self.add(kind, "".join(f"M{self.across(place):.0f} 0V{SIDE}" for place in x), meaning)

    def across(self, x: np.ndarray | float) -> np.ndarray:
        """Values as coordinates of the drawing, 0 .. SIDE from left to right."""
        return np.rint(SIDE * np.asarray(x, np.float64) / self.x.limit)

    def down(self, y: np.ndarray | float) -> np.ndarray:
        """Values as coordinates of the drawing, 0 .. SIDE from top to bottom."""
        return np.rint(SIDE * (1 - np.clip(np.asarray(y, np.float64) / self.y.limit, 0, 1)))


def _known_runs(values: np.ndarray) -> list[slice]:
    """Where ``values`` has numbers: slices between the NaN."""
    known = np.concatenate([[False], np.isfinite(values), [False]])
    edges = np.flatnonzero(np.diff(known))
    return [slice(int(start), int(stop)) for start, stop in zip(edges[::2], edges[1::2])]


def _polyline(x: np.ndarray, y: np.ndarray) -> str:
    if len(x) == 1:
        return _dash(x[0], y[0])
    return "M" + " ".join(f"{a:.0f} {b:.0f}" for a, b in zip(x, y))


def _dash(x: float, y: float) -> str:
    return f"M{x - 3:.0f} {y:.0f}h6"


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
