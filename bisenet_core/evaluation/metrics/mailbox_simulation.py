"""Simulation of the node's mailbox: which frames it would have labelled, had the drive been live."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from bisenet_core.reports.measurement import percentiles

LABELLED, SUPERSEDED, FAILED = "labelled", "superseded", "failed"

#: Stands for the time of a frame that was replaced in the mailbox.
NEVER = -1


class Driven(NamedTuple):
    """The outcome of a frame, had the drive been live."""

    outcome: str
    age_ms: float | None
    """From its arrival to the publication of its labels; None unless labelled."""


def simulate(arrivals_ns: np.ndarray, service_ns: np.ndarray) -> np.ndarray:
    """When the work on each frame ended, int64 nanoseconds; ``NEVER`` for one superseded before that.

    ``arrivals_ns``, int64, do not decrease. The mailbox holds one frame, and a new one replaces it. One
    worker takes the frame as soon as it is free; if that is when another arrives, it takes the older one.
    """
    ended = np.full(len(arrivals_ns), NEVER, np.int64)
    waiting, free = -1, int(arrivals_ns[0]) if len(arrivals_ns) else 0
    for index, arrival in enumerate(arrivals_ns.tolist()):
        if waiting >= 0 and free <= arrival:
            ended[waiting] = free = free + int(service_ns[waiting])
            waiting = -1
        if free <= arrival:
            ended[index] = free = arrival + int(service_ns[index])
        else:
            waiting = index
    if waiting >= 0:
        ended[waiting] = free + int(service_ns[waiting])
    return ended


def drive(recorded_ns: np.ndarray, service_ms: np.ndarray) -> list[Driven]:
    """Outcomes of the frames of one bag, in recorded order.

    ``recorded_ns``: int64, when each was recorded. ``service_ms``: float64, what labelling it takes, from the
    start of decoding; NaN for one that cannot be labelled: it passes through the mailbox, as in the node,
    and fails at once when taken.
    """
    arrivals = np.maximum.accumulate(recorded_ns - recorded_ns[:1])
    ended = simulate(arrivals, np.round(1e6 * np.nan_to_num(service_ms)).astype(np.int64))
    outcomes = np.select([ended == NEVER, np.isnan(service_ms)], [SUPERSEDED, FAILED], LABELLED)
    ages = zip(outcomes.tolist(), ((ended - arrivals) / 1e6).tolist())
    return [Driven(outcome, age if outcome == LABELLED else None) for outcome, age in ages]


def summary(driven: Sequence[Driven]) -> dict[str, Any]:
    """The counts and ages of ``as_driven`` in results.json, for the frames of one or many bags."""
    ages = [fate.age_ms for fate in driven if fate.age_ms is not None]
    count = Counter(fate.outcome for fate in driven)
    return {
        **{outcome: count[outcome] for outcome in (LABELLED, SUPERSEDED, FAILED)},
        "share_labelled": round(count[LABELLED] / len(driven), 6) if driven else None,
        "age_ms": {**percentiles(ages), "max": round(max(ages), 3)} if ages else None,
    }
