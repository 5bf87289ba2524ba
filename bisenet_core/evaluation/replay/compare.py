"""Compare two evaluations of the same frames: what differs, by how much, and whether that may be chance."""

import logging
from pathlib import Path
from typing import Any

import numpy as np

from bisenet_core.errors import InferenceError, InputError
from bisenet_core.evaluation.metrics.bands import BAND_FIGURES
from bisenet_core.evaluation.metrics.bootstrap import BLOCK_S, draws, interval
from bisenet_core.evaluation.metrics.scoring import or_none
from bisenet_core.evaluation.replay.evaluated_drive import EvaluatedDrive, common_frames
from bisenet_core.evaluation.replay.measures import figure_of, measure
from bisenet_core.labels.metrics import miou
from bisenet_core.reports.console import write_json
from bisenet_core.reports.parts.panels import without_neighbours
from bisenet_core.reports.replay.comparison import verdict
from bisenet_core.reports.replay.figure_names import FIGURES

LEVEL = 0.95

logger = logging.getLogger(__name__)

#: Frames listed as the most different, at the most; they are no neighbours, which look alike.
MOST_DIFFERENT = 12

#: Names of figures in older versions' compare.json, which stay in it.
_METRICS = {"miou": "iou", "pixel_accuracy": "pixel_accuracy", "as_driven_miou": "iou_live",
            "as_driven_pixel_accuracy": "pixel_accuracy_live"}
_WHOLE = {"boundary_f": "boundary_score", "ece": "calibration_error", "consistency": "consistency",
          "latency_p50_ms": "latency_p50", "latency_p99_ms": "latency_p99",
          "share_labelled": "labelled_live", "fps": "fps"}

#: Counts of the truth alone, which two evaluations of the same frames must share: what is said, and where.
_TRUE = {"truth": ("ground truth", np.s_[:, 1]), "distance": ("distances", np.s_[:, :, 1]),
         "objects": ("objects", np.s_[..., 0])}


def compare(
    a: Path, b: Path, output: Path | None = None, resamples: int = 1000, seed: int = 0,
    block: int | None = None,
) -> dict[str, Any]:
    """Compare two results.json; every difference is b - a, over the frames that both have.

    Keys: ``verdict``, which is better, in one sentence; ``figures`` and ``by_class``, by the names of
    FIGURES, each {a, b, difference, low, high} with the bootstrap's 95% interval of the difference, null
    where an evaluation lacks the counts of its frames; ``slices``, by the bands that both have counted,
    {by, value, figure} and the same; ``metrics``, ``iou`` and ``whole``, some of them by
    older names, ``whole`` over all of each one's frames; ``most_different``, frames {bag, path, index,
    index_b, stamp_ns, a, b, difference} by mIoU. Without ground truth, ``metrics`` and ``iou`` are None.
    Written to ``output``/compare.json where a folder is given, and as compare.html, with pictures of the
    most different frames where these can still be labelled by both; else the log says why not. Raises
    InputError for files that cannot be read, other classes, no common frames, other ground truth, or no
    resamples.
    """
    every, every_other = EvaluatedDrive.load(a), EvaluatedDrive.load(b)
    first, second = paired_frames(every, every_other)
    topics = [{bag["name"]: bag.get("topic") for bag in one.results["bags"]} for one in (every, every_other)]
    for name in topics[0].keys() & topics[1].keys():
        if topics[0][name] != topics[1][name]:
            logger.warning("%s: A has the images of %s, B of %s", name, *(of[name] for of in topics))
    scored = first.scored
    drawn = draws(first.bag, first.stamp_ns, resamples, seed, block)
    figures, by_class = _figures(first, second, drawn)
    drives, length = len(np.unique(first.bag)), f"{block} frames" if block else f"{BLOCK_S:g} s"
    of_drives = f"{drives} drives and, of each, " if drives > 1 else ""
    result = {
        "schema": 1,
        "verdict": "",
        "a": _describe(every, len(first)),
        "b": _describe(every_other, len(first)),
        "classes": first.classes,
        "common_frames": len(first),
        "scored_frames": int(scored.sum()),
        "drives": drives,
        "bootstrap": {"resamples": resamples, "seed": seed, "block": block, "level": LEVEL,
                      "method": f"bootstrap over {of_drives}blocks of {length}"},
        "figures": figures,
        "by_class": by_class,
        "slices": _slices(first, second, drawn),
        "metrics": {old: figures[name] for old, name in _METRICS.items()} if scored.any() else None,
        "iou": by_class["iou"] if scored.any() else None,
        "whole": {old: {"a": FIGURES[name].of(every.results), "b": FIGURES[name].of(every_other.results)}
                  for old, name in _WHOLE.items()},
        "most_different": _most_different(first.take(scored), second.take(scored)),
    }
    result["verdict"] = verdict(result)
    if output is not None:
        write_json(output / "compare.json", result)
        _write_page(output, result, every, every_other)
    return result


def _figures(
    first: EvaluatedDrive, second: EvaluatedDrive, drawn: np.ndarray
) -> tuple[dict[str, Any], dict[str, Any]]:
    """``figures`` and ``by_class`` of ``compare``."""
    found = [measure(drive) for drive in (first, second)]
    resampled = [measure(drive, drawn) for drive in (first, second)]
    figures, by_class = {}, {}
    for name in FIGURES:
        a, b = (figure_of(drive, of, name) for drive, of in zip((first, second), found))
        paired = name in resampled[0] and name in resampled[1]
        changes = resampled[1][name] - resampled[0][name] if paired else np.full((1, 1), np.nan)
        columns = zip(a, b, changes.T)
        figures[name] = _measured(*next(columns))
        if FIGURES[name].of_class and paired:
            by_class[name] = {each: _measured(*of) for each, of in zip(first.classes, columns)}
    return figures, by_class


def _slices(first: EvaluatedDrive, second: EvaluatedDrive, drawn: np.ndarray) -> list[dict[str, Any]]:
    """``slices`` of ``compare``."""
    others, found = second.bands(), []
    for (by, value), band in first.bands().items():
        if (by, value) in others:
            figures, name = _figures(band, others[by, value], drawn)[0], BAND_FIGURES[by]
            found.append({"by": by, "value": value, "figure": name, **figures[name]})
    return found


def paired_frames(first: EvaluatedDrive, second: EvaluatedDrive) -> tuple[EvaluatedDrive, EvaluatedDrive]:
    """The frames that both have, in one order, scored where both are.

    Raises InputError for other classes, no common frames, and other ground truth.
    """
    if first.classes != second.classes:
        one, two = (f"{drive.path} has {len(drive.classes)} classes ({', '.join(drive.classes[:3])}, ...)"
                    for drive in (first, second))
        raise InputError(f"{one} and {two}: only models of the same classes can be compared")
    first, second = common_frames(first, second)
    if not len(first):
        raise InputError(f"{first.path} and {second.path} have no frame in common: are the bags the same?")
    scored = first.scored & second.scored
    first, second = first.where_scored(scored), second.where_scored(scored)
    _check_truth(first, second)
    return first, second


def _write_page(output: Path, result: dict[str, Any], a: EvaluatedDrive, b: EvaluatedDrive) -> None:
    from bisenet_core.evaluation.replay.compare_pictures import pictures
    from bisenet_core.reports.replay.page import write_compare_page

    shown = []
    try:
        shown = pictures(result, a, b)
    except (InferenceError, InputError) as error:
        logger.warning("no pictures: %s", error)
    try:
        write_compare_page(output, result, shown, a.results)
    except InputError as error:
        logger.warning("no page: %s", error)


def _describe(drive: EvaluatedDrive, common: int) -> dict[str, Any]:
    keys = ("model", "backend", "precision", "device", "input_size", "seen_in_training")
    named = {key: drive.results.get(key) for key in keys}
    return {"path": str(drive.path), **named, "frames": len(drive), "not_in_other": len(drive) - common}


def _check_truth(first: EvaluatedDrive, second: EvaluatedDrive) -> None:
    for name, (what, true) in _TRUE.items():
        if name not in first.counts or name not in second.counts:
            continue
        differ = first.counts[name][true] != second.counts[name][true]
        others = np.flatnonzero(differ.any(axis=tuple(range(1, differ.ndim))))
        if others.size:
            row = others[0]
            raise InputError(
                f"{others.size} frames had other {what} in the second evaluation, frame {first.index[row]} "
                f"of {first.bags[first.bag[row]]} among them: repeat one with the labels of the other, and "
                "its --camera-height, --camera-pitch and --objects")


def _measured(a: float, b: float, differences: np.ndarray) -> dict[str, float | None]:
    low, high = interval(differences, LEVEL)
    figure = {"a": a, "b": b, "difference": b - a, "low": low, "high": high}
    return {name: or_none(value) for name, value in figure.items()}


def _most_different(first: EvaluatedDrive, second: EvaluatedDrive) -> list[dict[str, Any]]:
    a, b = (miou(*np.moveaxis(drive.counts["truth"], 1, 0)) for drive in (first, second))
    size = np.nan_to_num(np.abs(b - a))
    ranked = np.argsort(-size, kind="stable")[: np.count_nonzero(size)]
    return [
        {
            "bag": first.bags[first.bag[row]],
            "path": first.results["bags"][first.bag[row]].get("path"),
            "index": int(first.index[row]),
            "index_b": int(second.index[row]),
            "stamp_ns": int(first.stamp_ns[row]),
            "a": or_none(a[row]),
            "b": or_none(b[row]),
            "difference": or_none(b[row] - a[row]),
        }
        for row in without_neighbours(first.bag, first.index, ranked, MOST_DIFFERENT)
    ]
