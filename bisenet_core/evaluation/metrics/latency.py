"""How long each stage took: percentiles, distribution, and course over the drive."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from bisenet_core.evaluation.metrics.frame_result import STAGES, FrameResult
from bisenet_core.reports.percentiles import percentiles

_RANKS = (50, 90, 99)


def stage_times(frames: Sequence[FrameResult]) -> dict[str, np.ndarray]:
    """Milliseconds of the labelled frames, float64 in their order, by stage; one never timed is absent."""
    labelled = [frame.timings_ms for frame in frames if frame.timings_ms]
    times = {stage: [timings[stage] for timings in labelled if stage in timings] for stage in STAGES}
    return {stage: np.array(values) for stage, values in times.items() if values}


def spread(values: Sequence[float] | np.ndarray) -> dict[str, float] | None:
    """``p50``, ``p90``, ``p99``, ``max`` and ``mean`` to three decimals; None of no values."""
    if not len(values):
        return None
    largest, mean = round(float(np.max(values)), 3), round(float(np.mean(values)), 3)
    return {**percentiles(values, _RANKS), "max": largest, "mean": mean}


def stages(frames: Sequence[FrameResult]) -> dict[str, dict[str, float] | None]:
    """``stages_ms`` of results.json; its "segment" is ``latency_ms``."""
    return {stage: spread(values) for stage, values in stage_times(frames).items()}


class Histogram(NamedTuple):
    """Values by size; those beyond the last edge are in the last bin."""

    edges: np.ndarray  # float64, bins + 1
    counts: np.ndarray  # int64, bins


def histogram(values: np.ndarray, bins: int = 40) -> Histogram:
    """Distribution of at least one value, in equal bins from the least to just beyond the 99th percentile.

    So a single frame that took a second does not press all others into one bin.
    """
    low, high = float(np.min(values)), float(np.percentile(values, 99))
    high = max(high + (high - low) / bins, low + 1e-3)
    edges = np.linspace(low, high, bins + 1)
    return Histogram(edges, np.histogram(np.minimum(values, high), edges)[0])


class Course(NamedTuple):
    """Values over time, a point for each stretch of the drive that has any; float64 arrays of one length."""

    seconds: np.ndarray  # the stretch's middle, since the first time
    median: np.ndarray
    highest: np.ndarray


def course(times_ns: np.ndarray, values: np.ndarray, points: int = 300) -> Course:
    """``values`` over ``times_ns`` (int64, at least one, in any order) in at most ``points`` stretches.

    However long the drive, a chart of it is no larger, and no peak is lost. NaN values are left out.
    """
    seconds = (times_ns - times_ns.min()) / 1e9
    width = max(float(seconds.max()) / points, 1e-9)
    stretch = np.minimum((seconds / width).astype(np.int64), points - 1)
    stretch, values = stretch[~np.isnan(values)], values[~np.isnan(values)]
    order = np.argsort(stretch, kind="stable")
    used, starts = np.unique(stretch[order], return_index=True)
    parts = np.split(values[order], starts[1:]) if used.size else []
    medians, peaks = [np.median(part) for part in parts], [part.max() for part in parts]
    return Course((used + 0.5) * width, np.array(medians), np.array(peaks))
