"""Charts of what a run logged, over its iterations."""

import numpy as np

from bisenet_core.learning.run_report.metrics_file import Row
from bisenet_core.reports.parts.chart import Axis, Chart, number_axis, reduce_series, share_axis, shown_limit
from bisenet_core.reports.parts.formats import count, percent

#: Of the style sheet, in the order in which lines take them.
_COLOURS = ("first", "second", "third", "fourth", "fifth", "sixth")
#: What a network for pixels is validated by, and one for whole images; the best of each kind comes first.
_ACCURACIES = {
    "val_miou": "mIoU", "val_pixel_accuracy": "pixel accuracy", "val_top1": "top-1", "val_top5": "top-5",
}  # fmt: skip
_WINDOWS = 40  # of the moving average in a run

#: Iterations done and values, float64 N each.
Points = tuple[np.ndarray, np.ndarray]


def points(rows: list[Row], name: str) -> Points:
    """Where ``name`` was logged as a number."""
    known = [(int(row["step"]) + 1, float(row[name])) for row in rows if row.get(name)]
    x, y = np.array(known, np.float64).reshape(-1, 2).T
    return x[np.isfinite(y)], y[np.isfinite(y)]


def charts(rows: list[Row], begins: tuple[int, ...]) -> list[Chart]:
    """Loss, validation and learning rate, as far as they were logged; ``begins``: where the run went on."""
    found = list(filter(None, (_loss_chart(rows), _accuracy_chart(rows), _rate_chart(rows))))
    for chart in found if begins else ():
        chart.uprights("seam", begins, "resumed")
    return found


def _named(rows: list[Row], prefix: str) -> dict[str, Points]:
    """The columns that begin with ``prefix`` and have a value, sorted by name."""
    names = sorted(name for name in (rows[0] if rows else {}) if name.startswith(prefix))
    columns = {name: points(rows, name) for name in names}
    return {name: found for name, found in columns.items() if len(found[0])}


def _chart(rows: list[Row], title: str, y: Axis) -> Chart:
    limit = float(max(int(row["step"]) + 1 for row in rows))
    return Chart(title, number_axis(limit, count, 6, "iteration", whole=True), y)


def _loss_chart(rows: list[Row]) -> Chart | None:
    """The loss as it was and smoothed, and its parts smoothed."""
    losses = _named(rows, "loss")
    if "loss" not in losses:
        return None
    whole = losses.pop("loss")
    lines = {name: smoothed(*found) for name, found in {"sum": whole, **losses}.items()}
    limit = max(shown_limit(y) for _, y in list(lines.values())[: len(_COLOURS)])
    chart = _chart(rows, "Loss", _plain_axis(limit))
    chart.line("raw first", *_thinned(*whole))
    for (name, found), colour in zip(lines.items(), _COLOURS):
        chart.line(f"line {colour}", *found, name.removeprefix("loss_"))
    return chart


def _rate_chart(rows: list[Row]) -> Chart | None:
    """The learning rate of each group of parameters that has its own."""
    different: dict[bytes, Points] = {}
    for x, y in _named(rows, "lr").values():
        different.setdefault(y.tobytes(), (x, y))
    rates = list(different.values())[: len(_COLOURS)]
    if not rates:
        return None
    top = max(float(y.max()) for _, y in rates)
    chart = _chart(rows, "Learning rate", _plain_axis(1.08 * top or 1.0))
    for found, colour in zip(rates, _COLOURS):
        chart.line(f"line {colour}", *_thinned(*found), f"at most {found[1].max():.3g}")
    return chart


def _accuracy_chart(rows: list[Row]) -> Chart | None:
    """What each validation found, and which of them was the best."""
    columns = {meaning: points(rows, name) for name, meaning in _ACCURACIES.items()}
    known = {meaning: found for meaning, found in columns.items() if len(found[0])}
    if not known:
        return None
    highest = max(float(y.max()) for _, y in known.values())
    chart = _chart(rows, "Validation", share_axis(min(1.0, max(1.15 * highest, 0.01))))
    for (meaning, found), colour in zip(known.items(), ("first", "third")):
        chart.line(f"line {colour}", *_thinned(*found), meaning)
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
