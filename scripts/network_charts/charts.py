"""Accuracy against operations and against speed, of all networks that have results."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from results import (
    CAMVID,
    CITYSCAPES,
    GTX_1080_TI,
    RIVALS,
    TITAN_XP,
    Result,
    family_of,
)

from bisenet_core.reports.figures import BLUE, GREEN, GREY, PALE, PURPLE, RED, write_figure

#: Data sets, a column of panels each.
DATASETS = {CITYSCAPES: "Cityscapes", CAMVID: "CamVid"}

_COLOURS = {"bisenetv1": RED, "bisenetv2": BLUE, "efficientvit": PURPLE, "stdc": GREEN}
_MARKERS = {"bisenetv1": "s", "bisenetv2": "o", "efficientvit": "D", "stdc": "^"}
_PANEL_INCHES, _NOTE_INCHES = (5.2, 4.4), 0.2
# endings of labels, explained below the charts
_PRETRAINED = "*"
_CARDS = {GTX_1080_TI: "", TITAN_XP: "†", None: "‡"}
_CARDS_NOTE = (
    "Published speed: GTX 1080 Ti, TensorRT 5; V2 on Cityscapes with resizing from and to 2048×1024; "
    "† Titan Xp; ‡ card not stated."
)


#: Frames per second from which the papers call a network real-time.
REAL_TIME = 30
#: Mean IoU in percent of a rival that is drawn: worse ones would press the others together.
LEAST_RIVAL = 64
_RIVALS_NOTE = (
    "Grey: other networks as the tables of V2 and STDC report them, each on its own card; "
    f"those below {LEAST_RIVAL}% are left out. Dashed: {REAL_TIME} frames per second, real time."
)


@dataclass(frozen=True)
class Measured:
    """A result, with what was counted and timed here of its network at the result's input size."""

    result: Result
    gflops: float
    #: None where it was not timed
    cpu_fps: float | None = None

    @property
    def series(self) -> str:
        """Published points of one paper are joined by a line; empty for a result of our own."""
        pretrained = _PRETRAINED if self.result.pretrained_on else ""
        return "" if self.result.own else family_of(self.result.network) + pretrained

    def label(self, ending: str) -> str:
        """What stands beside its point."""
        if self.result.own:
            return f"ours: {self.result.label}, {_size(self.result)}"
        return self.result.label + (_PRETRAINED if self.result.pretrained_on else "") + ending


@dataclass(frozen=True)
class Quantity:
    """What a row of panels shows over its horizontal axis; None where a result has no such value."""

    title: str
    value: Callable[[Measured], float | None]
    ending: Callable[[Measured], str] = lambda one: ""
    """What to append to a label."""
    rivals: bool = False
    """Whether other networks' published speeds and the real-time line are drawn too."""


def draw_charts(folder: Path, measured: Sequence[Measured], cpu: str | None = None) -> list[Path]:
    """Write ``accuracy_operations`` and ``accuracy_speed`` into ``folder``, each as PNG and SVG.

    ``cpu`` says what the times were taken on, such as "OpenVINO bf16, 2 cores"; where it is given, a second
    row of panels shows the speed there. Every result has an input size; those without a test score are left
    out.
    """
    operations = Quantity("GFLOPs, counted as in BiSeNet V2", lambda one: one.gflops)
    speeds = [Quantity("frames per second on a GPU, as published", lambda one: one.result.fps,
                       lambda one: _CARDS[one.result.device], rivals=True)]
    if cpu:
        speeds.append(Quantity(f"frames per second, {cpu}", lambda one: one.cpu_fps))
    notes = [_size_note(dataset, measured) for dataset in DATASETS]
    notes[-1] += f" {_PRETRAINED} trained on Cityscapes first."
    return [
        *_write_panels(folder, "accuracy_operations", [operations], measured, notes),
        *_write_panels(folder, "accuracy_speed", speeds, measured, [*notes, _CARDS_NOTE, _RIVALS_NOTE]),
    ]


def _size_note(dataset: str, measured: Sequence[Measured]) -> str:
    """Which published results are of which input size; the labels of our own say it themselves."""
    labels: dict[str, dict[str, None]] = {}
    for one in measured:
        if one.result.dataset == dataset and not one.result.own:
            labels.setdefault(_size(one.result), {})[one.result.label] = None
    of_which = {size: f" ({', '.join(found)})" if len(labels) > 1 else "" for size, found in labels.items()}
    return f"{DATASETS[dataset]}: input {', '.join(size + which for size, which in of_which.items())}."


def _size(result: Result) -> str:
    return "{}×{}".format(*result.size or ())


def _write_panels(
    folder: Path, name: str, quantities: list[Quantity], measured: Sequence[Measured], notes: list[str]
) -> list[Path]:
    """Write ``folder``/``name`` as PNG and SVG: a row for each quantity, lines of ``notes`` below."""
    below = _NOTE_INCHES * (len(notes) + 0.5)
    width, height = _PANEL_INCHES[0] * len(DATASETS), _PANEL_INCHES[1] * len(quantities) + below

    def draw(figure: Any) -> None:
        grid = figure.subplots(len(quantities), len(DATASETS), squeeze=False)
        bottom = below / height
        figure.set_layout_engine("constrained", rect=(0, bottom, 1, 1 - bottom), w_pad=0.1, h_pad=0.1)
        labels = [
            (axes, _draw_panel(axes, quantity, dataset, measured))
            for row, quantity in zip(grid, quantities)
            for axes, dataset in zip(row, DATASETS)
        ]
        for line, note in enumerate(reversed(notes)):
            figure.text(0.012, _NOTE_INCHES * (line + 0.5) / height, note, size=7.5, color=GREY, va="center")
        figure.draw_without_rendering()  # settles where the panels are
        figure.set_layout_engine("none")
        for axes, wanted in labels:
            place_labels(axes, wanted)

    return write_figure(folder, name, (width, height), draw)


#: x, y, text and how it is to look.
Label = tuple[float, float, str, dict[str, Any]]


def _draw_panel(axes: Any, quantity: Quantity, dataset: str, measured: Sequence[Measured]) -> list[Label]:
    """Draw the points of one data set over ``quantity``; returns their labels."""
    axes.set_title(DATASETS[dataset], loc="left", weight="bold", size=10)
    axes.set_xlabel(quantity.title)
    axes.set_ylabel("mIoU on the test set, %")
    _draw_grid(axes)
    labels: list[Label] = []
    lines: dict[str, list[tuple[float, float]]] = {}
    for one in measured:
        x, y = quantity.value(one), one.result.test
        if one.result.dataset != dataset or x is None or y is None:
            continue
        family = family_of(one.result.network)
        colour, published = _COLOURS[family], bool(one.series)
        axes.scatter(x, y, s=44, marker=_MARKERS[family], facecolor=colour if published else "white",
                     edgecolor=colour, linewidth=1.5, zorder=3)
        look = {"size": 8, "color": colour, "weight": "normal" if published else "bold"}
        labels.append((x, y, one.label(quantity.ending(one)), look))
        if published:
            lines.setdefault(one.series, []).append((x, y))
    for series, points in lines.items():
        axes.plot(*zip(*sorted(points)), color=_COLOURS[series.rstrip(_PRETRAINED)], linewidth=1, alpha=0.45)
    return labels + (_draw_rivals(axes, dataset) if quantity.rivals else [])


def _draw_rivals(axes: Any, dataset: str) -> list[Label]:
    """The real-time line and the points of other networks on one data set; returns their labels."""
    axes.axvline(REAL_TIME, color=RED, linewidth=1, linestyle=(0, (4, 3)), alpha=0.6)
    found = [rival for rival in RIVALS if rival.dataset == dataset and rival.test >= LEAST_RIVAL]
    axes.scatter([one.fps for one in found], [one.test for one in found], s=12, color=GREY, alpha=0.7)
    return [(one.fps, one.test, one.label, {"size": 5.5, "color": GREY}) for one in found]


def _draw_grid(axes: Any) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.grid(color=PALE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.margins(0.14, 0.12)  # for the labels


# from a point to its label, in points of typography, and how the label is aligned to it; the best first
_SIDES: tuple[tuple[float, float, str, str], ...] = (
    (7, 0, "left", "center"),
    (-7, 0, "right", "center"),
    (0, 7, "center", "bottom"),
    (0, -7, "center", "top"),
    (5, 6, "left", "bottom"),
    (-5, 6, "right", "bottom"),
    (5, -6, "left", "top"),
    (-5, -6, "right", "top"),
    (8, 15, "left", "bottom"),
    (-8, 15, "right", "bottom"),
    (8, -15, "left", "top"),
    (-8, -15, "right", "top"),
)
_MARKER = 9  # the side of a square around a point, in points of typography


def place_labels(axes: Any, labels: Sequence[Label]) -> None:
    """Write each label on the side of its point where it hides least of labels, points and lines.

    Points and lines are drawn and the limits of ``axes`` fixed before.
    """
    from matplotlib.transforms import Bbox

    half = _MARKER / 2 * axes.figure.dpi / 72
    centres = [axes.transData.transform((x, y)) for x, y, _, _ in labels]
    taken = [Bbox.from_extents(x - half, y - half, x + half, y + half) for x, y in centres]
    lines = [line.get_path().transformed(axes.transData) for line in axes.lines]

    def cost(note: Any) -> int:
        box = note.get_window_extent()
        inside = box.x0 >= axes.bbox.x0 and box.x1 <= axes.bbox.x1 and (
            box.y0 >= axes.bbox.y0 and box.y1 <= axes.bbox.y1)
        crossed = sum(line.intersects_bbox(box, filled=False) for line in lines)
        return 100 * (not inside) + 10 * box.count_overlaps(taken) + crossed

    for x, y, text, look in labels:
        notes = [axes.annotate(text, (x, y), (dx, dy), textcoords="offset points", ha=ha, va=va, **look)
                 for dx, dy, ha, va in _SIDES]
        best = min(notes, key=cost)
        taken.append(best.get_window_extent())
        for note in notes:
            if note is not best:
                note.remove()
