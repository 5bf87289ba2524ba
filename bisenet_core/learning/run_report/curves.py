"""Charts of what a run logged, over its iterations."""

from dataclasses import dataclass

import numpy as np

from bisenet_core.learning.run_report.metrics_file import Row
from bisenet_core.reports.parts.chart import Axis, Chart, number_axis, share_axis
from bisenet_core.reports.parts.formats import count, percent
from bisenet_core.reports.parts.series import reduce_series, shown_limit

#: Of the style sheet, in the order in which lines take them.
_COLOURS = ("first", "second", "third", "fourth", "fifth", "sixth")
#: What a network for pixels is validated by, and one for whole images; the best of each kind comes first.
_ACCURACIES = {
    "val_miou": "mIoU", "val_pixel_accuracy": "pixel accuracy", "val_top1": "top-1", "val_top5": "top-5",
}  # fmt: skip
_ACCURACY_COLOURS = ("first", "third")
_WINDOWS = 40  # of the moving average in a run

#: Iterations done and values, float64 N each.
Points = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Curves:
    """The rows of a MetricsFile as curves; ``begins`` are the iterations at which the run went on."""

    rows: list[Row]
    begins: tuple[int, ...] = ()

    def all_of(self, prefix: str) -> dict[str, Points]:
        """The columns that begin with ``prefix`` and have a value, sorted by name."""
        columns = {name: self.points(name) for name in sorted(self.rows[0] if self.rows else {})
                   if name.startswith(prefix)}
        return {name: points for name, points in columns.items() if len(points[0])}

    def points(self, name: str) -> Points:
        """Where ``name`` was logged as a number."""
        known = [(int(row["step"]) + 1, float(row[name])) for row in self.rows if row.get(name)]
        x, y = np.array(known, np.float64).reshape(-1, 2).T
        return x[np.isfinite(y)], y[np.isfinite(y)]

    def chart(self, title: str, y: Axis) -> Chart:
        """A chart over the iterations, with a line where the run was resumed."""
        limit = float(max([int(row["step"]) + 1 for row in self.rows], default=1))
        chart = Chart(title, number_axis(limit, count, 6, "iteration", whole=True), y)
        if self.begins:
            chart.uprights("seam", self.begins, "resumed")
        return chart


def loss_chart(curves: Curves) -> Chart | None:
    """The loss as it was and smoothed, and its parts smoothed."""
    losses = curves.all_of("loss")
    if "loss" not in losses:
        return None
    whole = losses.pop("loss")
    lines = {name: smoothed(*points) for name, points in {"sum": whole, **losses}.items()}
    limit = max(shown_limit(y) for _, y in list(lines.values())[: len(_COLOURS)])
    chart = curves.chart("Loss", _plain_axis(limit))
    chart.line("raw first", *_thinned(*whole))
    for (name, points), colour in zip(lines.items(), _COLOURS):
        chart.line(f"line {colour}", *points, name.removeprefix("loss_"))
    return chart


def rate_chart(curves: Curves) -> Chart | None:
    """The learning rate of each group of parameters that has its own."""
    different: dict[bytes, Points] = {}
    for x, y in curves.all_of("lr").values():
        different.setdefault(y.tobytes(), (x, y))
    rates = list(different.values())[: len(_COLOURS)]
    if not rates:
        return None
    top = max(float(y.max()) for _, y in rates)
    chart = curves.chart("Learning rate", _plain_axis(1.08 * top or 1.0))
    for points, colour in zip(rates, _COLOURS):
        chart.line(f"line {colour}", *_thinned(*points), f"at most {points[1].max():.3g}")
    return chart


def accuracy_chart(curves: Curves) -> Chart | None:
    """What each validation found, and which of them was the best."""
    columns = {meaning: curves.points(name) for name, meaning in _ACCURACIES.items()}
    known = {meaning: points for meaning, points in columns.items() if len(points[0])}
    if not known:
        return None
    highest = max(float(y.max()) for _, y in known.values())
    chart = curves.chart("Validation", share_axis(min(1.0, max(1.15 * highest, 0.01))))
    for (meaning, points), colour in zip(known.items(), _ACCURACY_COLOURS):
        chart.line(f"line {colour}", *_thinned(*points), meaning)
    meaning, (x, y) = next(iter(known.items()))
    best = np.array([y.argmax()])
    chart.dots("dots second", x[best], y[best],
               f"best {meaning}, {percent(float(y.max()))} at {count(float(x[best][0]))}")
    return chart


def smoothed(x: np.ndarray, y: np.ndarray) -> Points:
    """Moving average of ``y``, float64 N, over a fraction of the run; over less of it at the ends."""
    half = len(y) // (2 * _WINDOWS)
    total = np.concatenate([[0.0], np.cumsum(y)])
    places = np.arange(len(y))
    # as far to the left as to the right, so that a trend is not shifted
    reach = np.minimum(half, np.minimum(places, len(y) - 1 - places))
    return _thinned(x, (total[places + reach + 1] - total[places - reach]) / (2 * reach + 1))


def _thinned(x: np.ndarray, y: np.ndarray) -> Points:
    reduced = reduce_series(x, y)
    return reduced.x, reduced.middle


def _plain_axis(limit: float) -> Axis:
    return number_axis(limit, "{:.6g}".format)
