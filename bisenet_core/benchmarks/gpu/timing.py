"""Times of many calls."""

from collections.abc import Callable
from time import perf_counter
from typing import Any

from bisenet_core.reports.percentiles import percentiles


def milliseconds(call: Callable[[], Any], frames: int, warm_up: int) -> dict[str, float]:
    """p50 and p99 of the wall-clock time of ``call``, which ends when its result is on the host."""
    for _ in range(warm_up):
        call()
    return percentiles([_timed(call) for _ in range(frames)])


def _timed(call: Callable[[], Any]) -> float:
    started = perf_counter()
    call()
    return 1e3 * (perf_counter() - started)
