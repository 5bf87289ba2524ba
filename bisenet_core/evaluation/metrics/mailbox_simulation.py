"""Which frames would the node have labelled, had the drive been live? Its mailbox, simulated."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from bisenet_core.errors import InputError
from bisenet_core.evaluation.metrics.frame_result import FrameResult
from bisenet_core.evaluation.metrics.scoring import summary as score_summary
from bisenet_core.reports.percentiles import percentiles

LABELLED, SUPERSEDED, FAILED = "labelled", "superseded", "failed"

#: In place of a time, of a frame that was replaced in the mailbox.
NEVER = -1


class Driven(NamedTuple):
    """What would have become of a frame."""

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


def drive(frames: Sequence[FrameResult], rate: float = 1.0) -> list[Driven]:
    """Outcome of the frames of one bag, in recorded order, had they come ``rate`` times as fast as recorded.

    A frame takes its decoding and the whole Segmenter. One that could not be labelled passes through the
    mailbox, as in the node, and fails at once when taken. Raises InputError for a rate that is none.
    """
    if not 0 < rate < float("inf"):
        raise InputError(f"a drive cannot be played {rate} times as fast; expected a number above 0")
    recorded = np.array([frame.recorded_ns for frame in frames], np.int64)
    since = np.maximum.accumulate(recorded - recorded[:1])  # small enough for floats, unlike times since 1970
    arrivals = np.round(since / rate).astype(np.int64)
    ended = simulate(arrivals, np.array([_service_ns(frame) for frame in frames], np.int64))
    return [_driven(*each) for each in zip(frames, arrivals.tolist(), ended.tolist())]


def summary(
    frames: Sequence[FrameResult], driven: Sequence[Driven], classes: Sequence[str]
) -> dict[str, Any]:
    """``as_driven`` of results.json for frames of one or many bags, with the outcome of each.

    ``miou`` and ``pixel_accuracy`` are those of the labelled frames alone.
    """
    labelled = [frame for frame, fate in zip(frames, driven) if fate.outcome == LABELLED]
    ages = [fate.age_ms for fate in driven if fate.age_ms is not None]
    age = {**percentiles(ages), "max": round(max(ages), 3)} if ages else None
    matrices = [frame.confusion for frame in labelled if frame.confusion is not None]
    scores = score_summary(np.sum(matrices, axis=0), classes) if matrices else {}
    return {
        "labelled": len(labelled),
        "superseded": sum(fate.outcome == SUPERSEDED for fate in driven),
        "failed": sum(fate.outcome == FAILED for fate in driven),
        "share_labelled": round(len(labelled) / len(frames), 6) if frames else None,
        "age_ms": age,
        "miou": scores.get("miou"),
        "pixel_accuracy": scores.get("pixel_accuracy"),
    }


def _service_ns(frame: FrameResult) -> int:
    return round(1e6 * sum(frame.timings_ms.get(stage, 0.0) for stage in ("decode", "segment")))


def _driven(frame: FrameResult, arrival: int, ended: int) -> Driven:
    if ended == NEVER:
        return Driven(SUPERSEDED, None)
    if not frame.timings_ms:
        return Driven(FAILED, None)
    return Driven(LABELLED, (ended - arrival) / 1e6)
