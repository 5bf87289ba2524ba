"""Summarise how long frames took."""

from collections.abc import Sequence

import numpy as np

from bisenet_core.reports.percentiles import percentiles

_RANKS = (50, 90, 99)


def spread(values: Sequence[float] | np.ndarray) -> dict[str, float] | None:
    """``p50``, ``p90``, ``p99``, ``max`` and ``mean`` to three decimals; None of no values."""
    if not len(values):
        return None
    largest, mean = round(float(np.max(values)), 3), round(float(np.mean(values)), 3)
    return {**percentiles(values, _RANKS), "max": largest, "mean": mean}
