"""Sample: the node's memory, counts and latency at one moment of a soak, and how they develop."""

from typing import Any, NamedTuple

import numpy as np


class Sample(NamedTuple):
    """The node at one moment; counts since its start, latency of the labels since the last sample."""

    seconds: float
    memory_mib: float
    threads: int
    files: int
    cpu_s: float
    status_age_s: float  # of the status that the counts are from
    received: int
    published: int
    dropped: int
    failed: int
    labels: int
    restarts: int
    latency_ms_p50: float | None
    latency_ms_max: float | None


def courses(samples: list[Sample]) -> dict[str, Any]:
    """How memory, threads and open files went."""
    later = [one for one in samples if one.seconds >= samples[-1].seconds / 2]
    return {
        "memory_mib": _course([one.memory_mib for one in samples]),
        "memory_mib_per_hour_second_half": _slope_per_hour(later),
        "threads": _course([one.threads for one in samples]),
        "files": _course([one.files for one in samples]),
    }


def _course(values: list[Any]) -> dict[str, Any] | None:
    """How a value went: at the first sample, after a tenth, at the end, and its peak."""
    if not values:
        return None
    return {"first": values[0], "after_a_tenth": values[len(values) // 10], "last": values[-1],
            "peak": max(values)}


def _slope_per_hour(samples: list[Sample]) -> float | None:
    """MiB by which memory grows in an hour, by least squares."""
    if len({one.seconds for one in samples}) < 3:
        return None
    slope = np.polyfit([one.seconds for one in samples], [one.memory_mib for one in samples], 1)[0]
    return round(float(slope) * 3600, 1)
