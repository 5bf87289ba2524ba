"""Chart: what the template draws. Marks in a square of 1000 x 1000 that is stretched, text outside it.

Only the marks are SVG. Axis texts stay HTML, so that they have one size on a wide screen and on a phone.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

SIDE = 1000


@dataclass(frozen=True)
class Tick:
    """A place on an axis."""

    at: float
    """Per cent of the axis from its origin."""
    text: str


@dataclass(frozen=True)
class Mark:
    """A path of the drawing; ``kind`` is its class in the style sheet."""

    kind: str
    path: str


@dataclass(frozen=True)
class Chart:
    """One drawing with its axes, the key of its marks and a note below."""

    title: str
    marks: list[Mark]
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    x_label: str = ""
    y_label: str = ""
    key: list[tuple[str, str]] = field(default_factory=list)
    """Kind of mark and what it means."""
    note: str = ""


@dataclass(frozen=True)
class Scale:
    """From values to the drawing's coordinates: 0 .. ``x_limit`` left to right, 0 .. ``y_limit`` upwards."""

    x_limit: float
    y_limit: float

    def x(self, values: np.ndarray | float) -> np.ndarray:
        return np.rint(SIDE * np.asarray(values, np.float64) / self.x_limit)

    def y(self, values: np.ndarray | float) -> np.ndarray:
        heights = np.clip(np.asarray(values, np.float64) / self.y_limit, 0, 1)
        return np.rint(SIDE * (1 - heights))

    def x_ticks(self, values: Iterable[float], texts: Iterable[str]) -> list[Tick]:
        return [Tick(round(100 * value / self.x_limit, 2), text) for value, text in zip(values, texts)]

    def y_ticks(self, values: Iterable[float], texts: Iterable[str]) -> list[Tick]:
        return [Tick(round(100 * value / self.y_limit, 2), text) for value, text in zip(values, texts)]

    def line(self, x: np.ndarray, y: np.ndarray) -> str:
        """Through the points; broken where y is NaN; a point alone is a dash."""
        return "".join(_polyline(self.x(x[run]), self.y(y[run])) for run in known_runs(y))

    def band(self, x: np.ndarray, low: np.ndarray, high: np.ndarray) -> str:
        """Between two lines; broken where either is NaN."""
        parts = []
        for run in known_runs(low + high):
            if run.stop - run.start > 1:
                there, back = self.x(x[run]), self.x(x[run])[::-1]
                edge = np.concatenate([self.y(high[run]), self.y(low[run])[::-1]])
                parts.append(_polyline(np.concatenate([there, back]), edge) + "Z")
        return "".join(parts)

    def bars(self, left: np.ndarray, right: np.ndarray, height: np.ndarray) -> str:
        """Upright bars with a hair between them; none where the height is 0 or NaN."""
        parts = []
        for start, stop, top in zip(self.x(left), self.x(right), self.y(height)):
            if np.isfinite(top) and top < SIDE:
                parts.append(f"M{start + 1:.0f} {SIDE}V{top:.0f}H{stop - 1:.0f}V{SIDE}Z")
        return "".join(parts)

    def upright(self, x: float) -> str:
        """A line from bottom to top."""
        return f"M{self.x(x):.0f} 0V{SIDE}"


def known_runs(values: np.ndarray) -> list[slice]:
    """Where ``values`` has numbers: slices between the NaN."""
    known = np.concatenate([[False], np.isfinite(values), [False]])
    edges = np.flatnonzero(np.diff(known))
    return [slice(int(start), int(stop)) for start, stop in zip(edges[::2], edges[1::2])]


def _polyline(x: np.ndarray, y: np.ndarray) -> str:
    if len(x) == 1:
        return f"M{x[0] - 3:.0f} {y[0]:.0f}h6"
    return "M" + " ".join(f"{a:.0f} {b:.0f}" for a, b in zip(x, y))
