"""measure computes every figure of FIGURES from the counts of frames, of all of them or as often as drawn."""

from collections.abc import Callable

import numpy as np

from bisenet_core.evaluation.metrics.bands import recall
from bisenet_core.evaluation.metrics.boundary_score import f_score, f_scores
from bisenet_core.evaluation.metrics.calibration import error_of_bins
from bisenet_core.evaluation.metrics.temporal_consistency import consistency, flicker
from bisenet_core.evaluation.replay.evaluated_drive import EvaluatedDrive
from bisenet_core.labels.metrics import iou, miou, ratio
from bisenet_core.reports.replay.figure_names import FIGURES

_CHUNK_BYTES = 32_000_000


def measure(drive: EvaluatedDrive, drawn: np.ndarray | None = None) -> dict[str, np.ndarray]:
    """Figures by name, float64 R x 1 or, where classes have them too, R x (1 + C); NaN where undefined.

    ``drawn``: how often each frame counts, R x N; by default each once, and R is 1. Figures whose counts the
    evaluation lacks, as one of old does, are absent.
    """
    drawn = np.ones((1, len(drive)), np.uint16) if drawn is None else drawn
    found: dict[str, np.ndarray] = {}
    for name, counts in _counts(drive).items():
        sums = _sums(drawn, counts)
        found |= {figure: formula(sums) for figure, formula in _FORMULAS[name].items()}
    if "segment_ms" in drive.counts:
        p50, p99 = _percentiles(drive.counts["segment_ms"], drawn, (50, 99))
        found |= {"latency_p50": p50, "latency_p99": p99}
    return found


def figure_of(drive: EvaluatedDrive, measured: dict[str, np.ndarray], name: str) -> np.ndarray:
    """Row 0 of a figure of ``measure``; else what results.json has of the whole evaluation, else NaN."""
    if name in measured:
        return measured[name][0]
    return np.array([FIGURES[name].of(drive.results)], np.float64)


def _counts(drive: EvaluatedDrive) -> dict[str, np.ndarray]:
    """int64 N x ... by the names of ``_FORMULAS``."""
    every = dict(drive.counts)
    if "truth" in every:
        every["live"] = every["truth"] * drive.driven[:, None, None]
    labelled = every.pop("segment_ms", None)
    if labelled is not None:
        known = np.isfinite(labelled)
        every["frames"] = np.stack([np.ones(len(drive), np.int64), ~known, drive.driven], axis=1)
    return {name: every[name] for name in _FORMULAS if name in every}


def _sums(drawn: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """R x ...: sums over frames; of whole numbers below 2^53 they are exact."""
    flat = counts.reshape(len(counts), -1).astype(np.float64)
    step = max(1, _CHUNK_BYTES // (8 * max(len(counts), 1)))
    starts = range(0, max(len(drawn), 1), step)
    sums = [drawn[start : start + step].astype(np.float64) @ flat for start in starts]
    return np.concatenate(sums).reshape(len(drawn), *counts.shape[1:])


def _percentiles(values: np.ndarray, drawn: np.ndarray, wanted: tuple[int, ...]) -> list[np.ndarray]:
    """R x 1 for each wanted percentile of the known values, between neighbours as numpy interpolates them."""
    order = np.argsort(values)[: np.count_nonzero(np.isfinite(values))]
    ranked, found = values[order], np.full((len(wanted), len(drawn), 1), np.nan)
    for row, counts in enumerate(drawn[:, order]):
        ends = np.cumsum(counts, dtype=np.int64)
        if len(ends) and ends[-1]:
            at = (ends[-1] - 1) * np.array(wanted) / 100
            places = np.searchsorted(ends, [np.floor(at), np.ceil(at)], "right")
            low, high = ranked[places]
            found[:, row, 0] = low + (high - low) * (at - np.floor(at))
    return list(found)


def _iou(sums: np.ndarray) -> np.ndarray:
    parts = np.moveaxis(sums, 1, 0)
    return np.column_stack([miou(*parts), iou(*parts)])


def _accuracy(sums: np.ndarray) -> np.ndarray:
    right, true, _ = sums.sum(axis=-1).T
    return ratio(right, true)[:, None]


#: By what is counted: figure -> its formula of sums R x ..., to R x 1 or R x (1 + C).
_FORMULAS: dict[str, dict[str, Callable[[np.ndarray], np.ndarray]]] = {
    "truth": {"iou": _iou, "pixel_accuracy": _accuracy},
    "live": {"iou_live": lambda sums: _iou(sums)[:, :1], "pixel_accuracy_live": _accuracy},
    "boundary": {"boundary_score": lambda sums: np.column_stack([f_score(sums), f_scores(sums)])},
    "calibration": {"calibration_error": lambda sums: error_of_bins(sums)[:, None]},
    "temporal": {
        "consistency": lambda sums: consistency(sums)[:, None],
        "flicker": lambda sums: np.column_stack([1 - consistency(sums), flicker(sums)]),
    },
    "teacher": {"teacher_iou": _iou, "teacher_agreement": _accuracy},
    "objects": {"object_recall": recall, "object_pixel_recall": lambda sums: recall(sums, pixels=True)},
    "frames": {
        "labelled_live": lambda sums: ratio(sums[:, 2:], sums[:, :1]),
        "frames_lost": lambda sums: sums[:, 1:2],
    },
}
