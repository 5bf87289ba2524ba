"""Compare two evaluations of the same frames: what differs, by how much, and whether that may be chance."""

import logging
from pathlib import Path
from typing import Any

import numpy as np

from bisenet_core.errors import InferenceError, InputError
from bisenet_core.evaluation.metrics.bootstrap import OVERALL, figures, interval, resampled
from bisenet_core.evaluation.metrics.scoring import or_none
from bisenet_core.evaluation.replay.evaluated_drive import EvaluatedDrive, common_frames
from bisenet_core.labels.metrics import class_counts, miou
from bisenet_core.reports.console import write_json
from bisenet_core.reports.parts.frame_choice import without_neighbours

LEVEL = 0.95

logger = logging.getLogger(__name__)

#: Frames listed as the most different, at the most; they are no neighbours, which look alike.
MOST_DIFFERENT = 12

#: Figures of a whole evaluation, which have no interval: name -> keys in results.json.
_WHOLE = {
    "boundary_f": ("boundary", "f_score"),
    "ece": ("calibration", "ece"),
    "consistency": ("temporal", "consistency"),
    "latency_p50_ms": ("latency_ms", "p50"),
    "latency_p99_ms": ("latency_ms", "p99"),
    "share_labelled": ("as_driven", "share_labelled"),
    "fps": ("fps",),
}


def compare(
    a: Path, b: Path, output: Path | None = None, resamples: int = 1000, seed: int = 0, block: int = 1
) -> dict[str, Any]:
    """Compare two results.json; every difference is b - a, over the frames that both have scored.

    Keys: ``metrics`` (``OVERALL``) and ``iou`` by class, each {a, b, difference, low, high} with the
    bootstrap's 95% interval of the difference; ``whole``, {a, b} of figures over all of each one's
    frames; ``most_different``, frames {bag, path, index, index_b, stamp_ns, a, b, difference} by mIoU.
    Without ground truth, ``metrics`` and ``iou`` are None. Written to ``output``/compare.json where a
    folder is given, with pictures of the most different frames in compare.html where these can still be
    labelled by both; else the log says why not. Raises InputError for files that cannot be read, other
    classes, no common frames, other ground truth, or no resamples.
    """
    every, every_other = EvaluatedDrive.load(a), EvaluatedDrive.load(b)
    _check_classes(every, every_other)
    first, second = common_frames(every, every_other)
    if not len(first):
        raise InputError(f"{first.path} and {second.path} have no frame in common: are the bags the same?")
    result = {
        "schema": 1,
        "a": _describe(every, len(first)),
        "b": _describe(every_other, len(first)),
        "classes": first.classes,
        "common_frames": len(first),
        "bootstrap": {"resamples": resamples, "seed": seed, "block": block, "level": LEVEL},
        "whole": {name: {"a": _at(first.results, keys), "b": _at(second.results, keys)}
                  for name, keys in _WHOLE.items()},
    }
    scored = first.scored & second.scored
    result |= _scores(first.take(scored), second.take(scored), resamples, seed, block)
    if output is not None:
        write_json(output / "compare.json", result)
        _write_pictures(output, result, every, every_other)
    return result


def _write_pictures(output: Path, result: dict[str, Any], a: EvaluatedDrive, b: EvaluatedDrive) -> None:
    from bisenet_core.evaluation.replay.compare_pictures import write_pictures

    try:
        write_pictures(output, result, a, b)
    except (InferenceError, InputError) as error:
        logger.warning("no pictures: %s", error)


def _check_classes(first: EvaluatedDrive, second: EvaluatedDrive) -> None:
    if first.classes != second.classes:
        one, two = (f"{drive.path} has {len(drive.classes)} classes ({', '.join(drive.classes[:3])}, ...)"
                    for drive in (first, second))
        raise InputError(f"{one} and {two}: only models of the same classes can be compared")


def _describe(drive: EvaluatedDrive, common: int) -> dict[str, Any]:
    keys = ("model", "backend", "precision", "device", "input_size", "seen_in_training")
    named = {key: drive.results.get(key) for key in keys}
    return {"path": str(drive.path), **named, "frames": len(drive), "not_in_other": len(drive) - common}


def _scores(
    first: EvaluatedDrive, second: EvaluatedDrive, resamples: int, seed: int, block: int
) -> dict[str, Any]:
    if not len(first):
        return {"scored_frames": 0, "metrics": None, "iou": None, "most_different": []}
    counts = np.stack([_counts(first), _counts(second)], axis=1)
    _check_truth(first, counts)
    found = figures(counts.sum(axis=0))
    drawn = np.concatenate([figures(sums) for sums in resampled(counts, resamples, seed, block)])
    measured = [_measured(*each) for each in zip(*found, (drawn[:, 1] - drawn[:, 0]).T)]
    return {
        "scored_frames": len(first),
        "metrics": dict(zip(OVERALL, measured)),
        "iou": dict(zip(first.classes, measured[len(OVERALL):])),
        "most_different": _most_different(first, second, counts),
    }


def _counts(drive: EvaluatedDrive) -> np.ndarray:
    # int64 N x 2 x 3 x C, as ``figures`` takes them
    every = np.stack(class_counts(drive.confusion), axis=1)
    return np.stack([every, every * drive.driven[:, None, None]], axis=1)


def _check_truth(first: EvaluatedDrive, counts: np.ndarray) -> None:
    true = counts[:, :, 0, 1]
    others = np.flatnonzero((true[:, 0] != true[:, 1]).any(axis=1))
    if others.size:
        row = others[0]
        raise InputError(
            f"{others.size} frames had other ground truth in the second evaluation, frame {first.index[row]} "
            f"of {first.bags[first.bag[row]]} among them: repeat one with the labels of the other")


def _measured(a: float, b: float, differences: np.ndarray) -> dict[str, float | None]:
    low, high = interval(differences, LEVEL)
    figure = {"a": a, "b": b, "difference": b - a, "low": low, "high": high}
    return {name: or_none(value) for name, value in figure.items()}


def _most_different(
    first: EvaluatedDrive, second: EvaluatedDrive, counts: np.ndarray
) -> list[dict[str, Any]]:
    a, b = miou(*np.moveaxis(counts[:, :, 0], 2, 0)).T
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


def _at(results: Any, keys: tuple[str, ...]) -> float | None:
    for key in keys:
        results = (results or {}).get(key)
    return results
