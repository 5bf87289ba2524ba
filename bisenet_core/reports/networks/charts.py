"""Accuracy against speed and against operations, of all networks that have results."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bisenet_core.reports.networks.panels import Panel, Point, write_panels
from bisenet_core.reports.networks.published_results import CAMVID, CITYSCAPES, GTX_1080_TI, TITAN_XP
from bisenet_core.reports.networks.result import Result, family_of

#: Data sets, a column of panels each.
DATASETS = {CITYSCAPES: "Cityscapes", CAMVID: "CamVid"}

# endings of labels, explained below the charts
_PRETRAINED = "*"
_CARDS = {GTX_1080_TI: "", TITAN_XP: "†", None: "‡"}
_CARDS_NOTE = (
    "Published speed: GTX 1080 Ti, TensorRT 5; V2 on Cityscapes with resizing from and to 2048×1024; "
    "† Titan Xp; ‡ card not stated."
)


@dataclass(frozen=True)
class Measured:
    """A result, with what was counted and timed here of its network at the result's input size."""

    result: Result
    gflops: float
    #: None where it was not timed
    cpu_fps: float | None = None


def draw_charts(folder: Path, measured: Sequence[Measured], cpu: str | None = None) -> list[Path]:
    """Write ``accuracy_operations`` and ``accuracy_speed`` into ``folder``, each as PNG and SVG.

    ``cpu`` says what the times were taken on, such as "OpenVINO bf16, 2 cores"; where it is given, a second
    row of panels shows the speed there. Every result has an input size; those without a test score are left
    out.
    """
    operations = _panels(measured, "GFLOPs, counted as in BiSeNet V2", lambda one: one.gflops)
    published = _panels(
        measured,
        "frames per second on a GPU, as published",
        lambda one: one.result.fps,
        lambda one: _CARDS[one.result.device],
    )
    speed = [published]
    if cpu:
        speed.append(_panels(measured, f"frames per second, {cpu}", lambda one: one.cpu_fps))
    notes = [_size_note(dataset, measured) for dataset in DATASETS]
    notes[-1] += f" {_PRETRAINED} trained on Cityscapes first."
    return [
        *write_panels(folder, "accuracy_operations", [operations], notes),
        *write_panels(folder, "accuracy_speed", speed, [*notes, _CARDS_NOTE]),
    ]


def _panels(
    measured: Iterable[Measured],
    quantity: str,
    value: Callable[[Measured], float | None],
    ending: Callable[[Measured], str] = lambda one: "",
) -> list[Panel]:
    """One for each data set, with the results that have a ``value``."""
    points: dict[str, list[Point]] = {dataset: [] for dataset in DATASETS}
    for one in measured:
        x, y = value(one), one.result.test
        if x is not None and y is not None:
            points[one.result.dataset].append(_point(x, y, one.result, ending(one)))
    return [
        Panel(title, quantity, "mIoU on the test set, %", tuple(points[dataset]))
        for dataset, title in DATASETS.items()
    ]


def _point(x: float, y: float, result: Result, ending: str) -> Point:
    family = family_of(result.network)
    if result.own:
        return Point(x, y, f"ours: {result.label}, {_size(result)}", family, series=None)
    pretrained = _PRETRAINED if result.pretrained_on else ""
    return Point(x, y, result.label + pretrained + ending, family, series=family + pretrained)


def _size_note(dataset: str, measured: Iterable[Measured]) -> str:
    """Which published results are of which input size; the labels of our own say it themselves."""
    labels: dict[str, dict[str, None]] = {}
    for one in measured:
        if one.result.dataset == dataset and not one.result.own:
            labels.setdefault(_size(one.result), {})[one.result.label] = None
    of_which = {size: f" ({', '.join(found)})" if len(labels) > 1 else "" for size, found in labels.items()}
    return f"{DATASETS[dataset]}: input {', '.join(size + which for size, which in of_which.items())}."


def _size(result: Result) -> str:
    return "{}×{}".format(*result.size or ())
