"""Compare slices of an evaluation with the whole: bags, frames of one weather, distances, object sizes."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from bisenet_core.evaluation.metrics.bands import BAND_FIGURES, BANDS, HEIGHT
from bisenet_core.evaluation.metrics.scoring import by_class, or_none
from bisenet_core.evaluation.replay.evaluated_drive import EvaluatedDrive
from bisenet_core.evaluation.replay.frame_rows import Row
from bisenet_core.evaluation.replay.measures import measure
from bisenet_core.reports.parts.formats import plural
from bisenet_core.reports.replay.figure_names import FIGURES

#: Slices but for bands are compared by the first of these that was measured.
_COMPARED = ("iou", "teacher_agreement", "consistency")
_OF_OBJECTS = BAND_FIGURES[HEIGHT]
#: By the figure: what a slice is compared with, and the key that says over how many of what.
_SAID = {"iou": ("all frames in its classes", "scored", "frame"),
         _OF_OBJECTS: ("all of them", "objects", "object")}


def compare_slices(drive: EvaluatedDrive, rows: Sequence[Row], by: Sequence[str]) -> dict[str, Any]:
    """``slices`` of results.json: {compared_by, slices, worst}.

    By each value of the columns ``by`` of ``rows``, those of frames.csv, and by the bands that were counted.
    ``slices``: {by, value, figure, frames, scored, figures, iou, object_recall, objects, difference} each,
    bands in their order and of any other kind the worst first; ``objects`` and ``object_recall`` where
    objects were counted; ``difference`` to the whole by ``figure``, of mean IoU over the classes that the
    slice's truth has. ``worst``: a sentence about the worst slice of each kind that has several.
    """
    whole = measure(drive)
    name = next((each for each in _COMPARED if np.isfinite(whole.get(each, np.nan)).any()), None)
    slices = [_entry(*key, of, whole, name) for key, of in _slices(drive, rows, by)]
    kinds = [*dict.fromkeys(one["by"] for one in slices)]
    slices.sort(key=lambda one: (kinds.index(one["by"]), one["by"] not in BANDS and _rank(one)))
    known = [[one for one in slices if one["by"] == kind and one["difference"] is not None] for kind in kinds]
    worst = [min(of, key=_rank) for of in known if len(of) > 1]
    return {"compared_by": name, "slices": slices, "worst": [*map(_sentence, worst)]}


def _rank(one: dict[str, Any]) -> tuple[bool, float]:
    return one["difference"] is None, one["difference"] or 0.0


def _slices(
    drive: EvaluatedDrive, rows: Sequence[Row], by: Sequence[str]
) -> Iterator[tuple[tuple[str, str], EvaluatedDrive]]:
    for column in by:
        values = np.array([row[column] for row in rows], object)
        for value in dict.fromkeys(values[values != ""].tolist()):
            yield (column, value), drive.take(values == value)
    yield from drive.bands().items()


def _entry(
    by: str, value: str, of: EvaluatedDrive, whole: dict[str, np.ndarray], name: str | None
) -> dict[str, Any]:
    found, name, scored = measure(of), BAND_FIGURES.get(by, name), int(of.scored.sum())
    figures = {each: or_none(values[0, 0]) for each, values in found.items() if np.isfinite(values[0, 0])}
    entry = {"by": by, "value": value, "figure": name, "frames": scored if by in BANDS else len(of),
             "scored": scored, "figures": figures}
    entry |= {each: by_class(found[each][0, 1:], of.classes)
              for each in ("iou", _OF_OBJECTS) if each in found}
    objects = {"objects": int(of.counts["objects"][..., 0].sum())} if "objects" in of.counts else {}
    return {**entry, **objects, "difference": _difference(of, found, whole, name)}


def _difference(
    of: EvaluatedDrive, found: dict[str, np.ndarray], whole: dict[str, np.ndarray], name: str | None
) -> float | None:
    if name is None or not np.isfinite(found.get(name, np.nan)).any():
        return None
    expected = whole[name][0, 0]
    if name == "iou":
        # a slice without the hard classes would seem better than it is
        expected = np.mean(whole[name][0, 1:], where=of.counts["truth"][:, 1].any(axis=0))
    return or_none(found[name][0, 0] - expected)


def _sentence(one: dict[str, Any]) -> str:
    """Such as "weather rain: Mean IoU 41.2 %, 6.30 points below all frames in its classes, over 9 frames"."""
    name, side = one["figure"], "below" if one["difference"] < 0 else "above"
    figure, (whole, counted, thing) = FIGURES[name], _SAID.get(name, ("all frames", "frames", "frame"))
    return (f"{one['by']} {one['value']}: {figure.title} {figure.text(one['figures'][name])}, "
            f"{figure.distance(abs(one['difference']))} {side} {whole}, over {plural(one[counted], thing)}")
