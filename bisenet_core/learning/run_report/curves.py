"""Charts of what a run logged, over its iterations."""

from dataclasses import dataclass

import numpy as np

from bisenet_core.learning.run_report.metrics_file import Row
from bisenet_core.reports.parts.chart import Chart, Mark, Scale, Tick
from bisenet_core.reports.parts.formats import count, percent
from bisenet_core.reports.parts.series import multiples, reduce_series, round_step, shown_limit

#: Of the style sheet, in the order in which lines take them.
_COLOURS = ("first", "second", "third", "fourth", "fifth", "sixth")
#: What a network for pixels is validated by, and one for whole images; the best of each kind comes first.
_ACCURACIES = {
    "val_miou": "mIoU", "val_pixel_accuracy": "pixel accuracy", "val_top1": "top-1", "val_top5": "top-5",
}  # fmt: skip
_ACCURACY_COLOURS = ("first", "third")
_WINDOWS = 40  # of the moving average in a run
_X_LABEL = "iteration"


@dataclass(frozen=True)
class Curves:
    """The rows of a MetricsFile as curves; ``begins`` are the iterations at which the run went on."""

    rows: list[Row]
    begins: tuple[int, ...] = ()

    @property
    def limit(self) -> float:
        """Iterations at the right end."""
        return float(max([int(row["step"]) + 1 for row in self.rows], default=1))

    def names(self, prefix: str) -> list[str]:
        """Columns that begin with ``prefix``, sorted, and have a value."""
        columns = self.rows[0] if self.rows else {}
        return sorted(name for name in columns if name.startswith(prefix) and len(self.points(name)[0]))

    def points(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Iterations done and values where ``name`` was logged as a number, float64 each."""
        known = [(int(row["step"]) + 1, float(row[name])) for row in self.rows if row.get(name)]
        x, y = np.array(known, np.float64).reshape(-1, 2).T
        return x[np.isfinite(y)], y[np.isfinite(y)]

    def x_ticks(self, scale: Scale) -> list[Tick]:
        values = multiples(max(1.0, round_step(self.limit, 6)), self.limit)
        return scale.x_ticks(values, map(count, values))

    def seams(self, scale: Scale) -> list[Mark]:
        """Where the run was resumed."""
        return [Mark("seam", "".join(scale.upright(begin) for begin in self.begins))]

    def key(self) -> list[tuple[str, str]]:
        return [("seam", "resumed")] if self.begins else []


def loss_chart(curves: Curves) -> Chart | None:
    """The loss as it was and smoothed, and its parts smoothed."""
    names = curves.names("loss")
    if "loss" not in names:
        return None
    names = ["loss", *(name for name in names if name != "loss")][: len(_COLOURS)]
    lines = {name: smoothed(*curves.points(name)) for name in names}
    scale = Scale(curves.limit, max(shown_limit(y) for _, y in lines.values()))
    x, y = curves.points("loss")
    raw = reduce_series(x, y)
    marks = [*curves.seams(scale), Mark("raw first", scale.line(raw.x, raw.middle))]
    marks += [Mark(f"line {colour}", scale.line(*lines[name])) for name, colour in zip(names, _COLOURS)]
    key = [(f"line {colour}", _meaning(name)) for name, colour in zip(names, _COLOURS)]
    return Chart("Loss", marks, curves.x_ticks(scale), _number_ticks(scale), _X_LABEL, "",
                 [*key, *curves.key()])


def _meaning(name: str) -> str:
    return "sum" if name == "loss" else name.removeprefix("loss_")


def rate_chart(curves: Curves) -> Chart | None:
    """The learning rate of each group of parameters that has its own."""
    shown: dict[bytes, str] = {}
    for name in curves.names("lr"):
        shown.setdefault(curves.points(name)[1].tobytes(), name)
    names = list(shown.values())[: len(_COLOURS)]
    if not names:
        return None
    top = max(float(curves.points(name)[1].max()) for name in names)
    scale = Scale(curves.limit, 1.08 * top or 1.0)
    marks, key = curves.seams(scale), curves.key()
    for name, colour in zip(names, _COLOURS):
        points = curves.points(name)
        marks.append(Mark(f"line {colour}", scale.line(*_reduced(*points))))
        key.insert(len(key) - bool(curves.begins), (f"line {colour}", f"at most {points[1].max():.3g}"))
    return Chart("Learning rate", marks, curves.x_ticks(scale), _number_ticks(scale), _X_LABEL, "", key)


def accuracy_chart(curves: Curves) -> Chart | None:
    """What each validation found, and which of them was the best."""
    names = {name: meaning for name, meaning in _ACCURACIES.items() if len(curves.points(name)[0])}
    if not names:
        return None
    main, meaning = next(iter(names.items()))
    x, y = curves.points(main)
    highest = max(float(curves.points(name)[1].max()) for name in names)
    scale = Scale(curves.limit, min(1.0, max(1.15 * highest, 0.01)))
    marks = curves.seams(scale)
    for name, colour in zip(names, _ACCURACY_COLOURS):
        marks.append(Mark(f"line {colour}", scale.line(*_reduced(*curves.points(name)))))
    best = int(y.argmax())
    marks.append(Mark("dots second", scale.line(x[best : best + 1], y[best : best + 1])))
    key = [(f"line {colour}", name) for name, colour in zip(names.values(), _ACCURACY_COLOURS)]
    values = multiples(round_step(scale.y_limit, 4), scale.y_limit)
    digits = 0 if scale.y_limit > 0.05 else 1
    ticks = scale.y_ticks(values, [percent(value, digits) for value in values])
    best_key = ("dots second", f"best {meaning}, {percent(float(y[best]))} at {count(float(x[best]))}")
    key += [best_key, *curves.key()]
    return Chart("Validation", marks, curves.x_ticks(scale), ticks, _X_LABEL, "", key)


def smoothed(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Moving average of ``y``, float64 N, over a fraction of the run; over less of it at the ends."""
    half = len(y) // (2 * _WINDOWS)
    total = np.concatenate([[0.0], np.cumsum(y)])
    places = np.arange(len(y))
    # as far to the left as to the right, so that a trend is not shifted
    reach = np.minimum(half, np.minimum(places, len(y) - 1 - places))
    return _reduced(x, (total[places + reach + 1] - total[places - reach]) / (2 * reach + 1))


def _reduced(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    reduced = reduce_series(x, y)
    return reduced.x, reduced.middle


def _number_ticks(scale: Scale) -> list[Tick]:
    values = multiples(round_step(scale.y_limit, 4), scale.y_limit)
    return scale.y_ticks(values, [f"{value:.6g}" for value in values])
