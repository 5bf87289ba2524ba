"""Wall-clock times of calls, in milliseconds."""

from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any

from bisenet_core.reports.console import track


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    """(milliseconds that ``call`` took, what it returned)."""
    started = perf_counter()
    result = call()
    return 1e3 * (perf_counter() - started), result


def timed_in_turn(calls: Mapping[Any, Callable[[], Any]], rounds: int = 15) -> dict[Any, list[float]]:
    """Milliseconds of each of ``calls``, made one after the other in every round, after two rounds more.

    The order changes with each round, so that none profits from what the one before it leaves in the caches.
    """
    times = {name: list[float]() for name in calls}
    for index in track(range(-2, rounds), 2 + rounds, "timing"):
        for name in list(calls)[:: 1 if index % 2 else -1]:
            times[name].append(timed(calls[name])[0])
    return {name: values[2:] for name, values in times.items()}
