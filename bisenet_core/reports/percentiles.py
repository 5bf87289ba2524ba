"""Percentiles of times by their names, such as p50 and p99."""

from collections.abc import Sequence

import numpy as np


def percentiles(values: Sequence[float] | np.ndarray, ranks: Sequence[int] = (50, 99)) -> dict[str, float]:
    """``p50`` and so on of at least one value, linearly interpolated, to three decimals."""
    return {f"p{rank}": round(float(np.percentile(values, rank)), 3) for rank in ranks}
