"""Wall-clock times of calls, in milliseconds."""

from collections.abc import Callable
from time import perf_counter
from typing import Any

from bisenet_core.reports.percentiles import percentiles


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    """(milliseconds that ``call`` took, what it returned)."""
    started = perf_counter()
    result = call()
    return 1e3 * (perf_counter() - started), result


def percentiles_of(call: Callable[[], Any], frames: int, warm_up: int) -> dict[str, float]:
    """p50 and p99 of ``frames`` calls after ``warm_up`` others; a call ends with its result on the host."""
    for _ in range(warm_up):
        call()
    return percentiles([timed(call)[0] for _ in range(frames)])
