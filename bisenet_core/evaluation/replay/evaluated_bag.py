"""EvaluatedBag: one bag of an evaluation with the outcomes of its frames, read from its finished parts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, count
from typing import Any

import numpy as np

from bisenet_core.drives.bag_drive import BagDrive
from bisenet_core.evaluation.metrics import mailbox_simulation
from bisenet_core.evaluation.metrics.frame_result import FrameResult
from bisenet_core.evaluation.replay.job import Part
from bisenet_core.evaluation.replay.part_result import COUNTS, PartResult
from bisenet_core.evaluation.replay.part_store import PartStore


@dataclass(frozen=True)
class EvaluatedBag:
    """All of its ``parts`` are in ``store``. Only one of them is in memory at a time."""

    name: str
    """Unique in its evaluation."""
    recording: BagDrive
    parts: Sequence[Part]
    store: PartStore

    def results(self) -> Iterator[PartResult]:
        """The parts' results, in order."""
        for part in self.parts:
            result = self.store.load(part)
            if result is None:
                raise RuntimeError(f"the result of {part} has gone from the output folder; add --resume")
            yield result

    def frames(self) -> Iterator[FrameResult]:
        """The frames' outcomes, in order."""
        for result in self.results():
            yield from result.frames

    @cached_property
    def outlines(self) -> list[FrameResult]:
        """The frames' outcomes without their counts, which would not fit into memory for a long drive."""
        nothing: dict[str, Any] = dict.fromkeys(COUNTS)
        return [replace(frame, **nothing) for frame in self.frames()]

    @cached_property
    def driven(self) -> list[mailbox_simulation.Driven]:
        """What would have become of each frame, had the drive been live."""
        return mailbox_simulation.drive(self.outlines)

    @property
    def notes(self) -> list[str]:
        """What is odd about the whole: one line each."""
        sizes = [(frame.width, frame.height) for frame in self.outlines]
        return self.recording.notes(self._stamps_ns(), sizes)

    def _stamps_ns(self) -> np.ndarray:
        stamps = np.array([frame.stamp_ns for frame in self.outlines], np.int64)
        unread = [place for place, frame in enumerate(self.outlines) if not frame.width]
        if unread:
            # One without a readable header has the time of its recording for a stamp; the bag tells which.
            with BagDrive(self.recording.path, self.recording.topic) as source:  # the first is closed by now
                stamps[unread] = [source.stamp_ns(place) for place in unread]
        return stamps

    def as_json(self, scored: int) -> dict[str, Any]:
        """Its entry in results.json; ``scored``: how many frames had ground truth."""
        times = self.recording.times_ns
        rate, truth = self.recording.rate_hz, self.recording.truth
        return {
            "path": str(self.recording.path),
            "name": self.name,
            "topic": self.recording.topic,
            "frames": len(times),
            "evaluated": sum(bool(frame.timings_ms) for frame in self.outlines),
            "scored": scored,
            "duration_s": round(float(times[-1] - times[0]) / 1e9, 3),
            "rate_hz": round(rate, 3) if rate else None,
            "truth": truth.description if truth else None,
            "notes": self.notes,
        }


def unique_names(names: Sequence[str]) -> list[str]:
    """The names, with "#2" and so on behind those that were there already; no name comes out twice."""
    unique: list[str] = []
    for name in names:
        numbered = (f"{name}#{number}" for number in count(2))
        unique.append(next(each for each in chain([name], numbered) if each not in unique))
    return unique
