"""What is told with a measurement: percentiles, and the versions of the software that it depends on."""

import platform
from collections.abc import Sequence

import numpy as np

from bisenet_core import __version__
from bisenet_core.runtime.segmenter import Segmenter


def percentiles(values: Sequence[float] | np.ndarray, ranks: Sequence[int] = (50, 99)) -> dict[str, float]:
    """``p50`` and so on of at least one value, linearly interpolated, to three decimals."""
    return {f"p{rank}": round(float(np.percentile(values, rank)), 3) for rank in ranks}


def spread(values: Sequence[float] | np.ndarray) -> dict[str, float] | None:
    """``p50``, ``p90``, ``p99``, ``max`` and ``mean`` to three decimals; None of no values."""
    if not len(values):
        return None
    largest, mean = round(float(np.max(values)), 3), round(float(np.mean(values)), 3)
    return {**percentiles(values, (50, 90, 99)), "max": largest, "mean": mean}


def versions(segmenter: Segmenter) -> dict[str, str]:
    """Version by name: this package, Python, numpy and the library behind ``segmenter``."""
    return {
        "bisenet": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        segmenter.backend.name: segmenter.backend.version,
    }
