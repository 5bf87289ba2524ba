"""Compare slices of an evaluation, such as its bags or the frames of one weather, with the whole of it."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bisenet_core.evaluation.metrics.scoring import or_none
from bisenet_core.evaluation.replay.totals import Totals
from bisenet_core.reports.parts.formats import plural
from bisenet_core.reports.replay.figure_names import FIGURES

#: What a slice is of, and its value, such as ("weather", "rain").
Slice = tuple[str, str]

#: All frames.
WHOLE: Slice = ("", "")

#: Slices are compared by the first of these that was measured.
_COMPARED = ("iou", "teacher_agreement", "consistency")
_KEPT = ("frames", "scored", "figures", "iou")


def compare_slices(totals: Mapping[Slice, Totals], teacher: str | None) -> dict[str, Any]:
    """``slices`` of results.json: {compared_by, slices, worst}.

    ``slices``: {by, value, frames, scored, figures, iou, difference} each, the worst of each kind first,
    ``difference`` to all frames by the figure ``compared_by``, of mean IoU over the classes that the
    slice's truth has. ``worst``: a sentence about the worst slice of each kind that has several.
    """
    found = {key: of.figures(teacher) for key, of in totals.items()}
    whole = found.pop(WHOLE)
    name = next((each for each in _COMPARED if each in whole["figures"]), None)
    slices = [{"by": by, "value": value, **{key: of[key] for key in _KEPT},
               "difference": _difference(of, whole, name)} for (by, value), of in found.items()]
    kinds = [*dict.fromkeys(by for by, _ in found)]
    slices.sort(key=lambda one: (kinds.index(one["by"]), one["difference"] is None, one["difference"] or 0))
    known = [[one for one in slices if one["by"] == by and one["difference"] is not None] for by in kinds]
    worst = [of[0] for of in known if len(of) > 1]
    return {"compared_by": name, "slices": slices, "worst": [_sentence(one, str(name)) for one in worst]}


def _difference(of: dict[str, Any], whole: dict[str, Any], name: str | None) -> float | None:
    if name is None or name not in of["figures"]:
        return None
    expected = whole["figures"][name]
    if name == "iou":
        # a slice without the hard classes would seem better than it is
        present = np.any(of["confusion_matrix"], axis=1)
        expected = np.mean([value for value, occurs in zip(whole["iou"].values(), present) if occurs])
    return or_none(of["figures"][name] - expected)


def _sentence(one: dict[str, Any], name: str) -> str:
    """Such as "weather rain: Mean IoU 41.2 %, 6.30 points below all frames in its classes, over 9 frames"."""
    figure, same = FIGURES[name], " in its classes" if name == "iou" else ""
    side = "below" if one["difference"] < 0 else "above"
    frames = plural(one["scored" if name == "iou" else "frames"], "frame")
    return (f"{one['by']} {one['value']}: {figure.title} {figure.text(one['figures'][name])}, "
            f"{figure.distance(abs(one['difference']))} {side} all frames{same}, over {frames}")
