"""EvaluatedBag: one bag of an evaluation with the outcomes of its frames, read from its finished parts."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, count
from typing import Any

import numpy as np

from bisenet_core.drives.bag_drive import BagDrive
from bisenet_core.evaluation.replay.frame_result import FrameResult
from bisenet_core.evaluation.replay.frame_rows import Row, rows_of
from bisenet_core.evaluation.replay.job import Part
from bisenet_core.evaluation.replay.part_result import PartResult, PartStore

#: Reasons listed for one bag.
_MOST_PROBLEMS = 50


@dataclass(frozen=True)
class EvaluatedBag:
    """All of its ``parts`` are in ``store``. Only one of them is in memory at a time: counts of a long drive
    would not fit."""

    name: str
    """Unique in its evaluation."""
    recording: BagDrive
    parts: Sequence[Part]
    store: PartStore

    @contextmanager
    def reading(self) -> Iterator[BagDrive]:
        """The recording, open: itself, or opened once more, without ground truth, where it is closed."""
        recording = self.recording
        if not recording.closed:
            yield recording
            return
        bits = recording.significant_bits
        with BagDrive(recording.path, recording.topic, significant_bits=bits) as opened:
            yield opened

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
    def rows(self) -> list[Row]:
        """The rows of frames.csv, one for each of ``frames()``."""
        return rows_of(self.name, self.frames())

    @property
    def notes(self) -> list[str]:
        """What is odd about the whole: one line each."""
        sizes = [(row["width"], row["height"]) for row in self.rows]
        stamps = np.array([row["stamp_ns"] for row in self.rows], np.int64)
        unread = [place for place, (width, _) in enumerate(sizes) if not width]
        if unread:
            # One without a readable header has the time of its recording for a stamp; the bag tells which.
            with self.reading() as source:
                stamps[unread] = [source.stamp_ns(place) for place in unread]
        return self.recording.notes(stamps, sizes)

    def problems(self) -> list[str]:
        """Why frames were not labelled or not scored: a line for each reason, the commonest first."""
        problems = Counter(row["problem"] for row in self.rows if row["problem"])
        first = {row["problem"]: row["index"] for row in reversed(self.rows)}
        lines = []
        for problem, images in problems.most_common(_MOST_PROBLEMS):
            which = f"{images} images, the first of them" if images > 1 else "image"
            lines.append(f"{self.name}: {which} {first[problem]}: {problem}")
        more = len(problems) - len(lines)
        return lines + ([f"{self.name}: {more} more reasons, see frames.csv"] if more else [])

    def as_json(self) -> dict[str, Any]:
        """Its entry in results.json."""
        times = self.recording.times_ns
        rate, truth = self.recording.rate_hz, self.recording.truth
        return {
            "path": os.path.abspath(self.recording.path),
            "name": self.name,
            "topic": self.recording.topic,
            "frames": len(times),
            "evaluated": sum(row["segment_ms"] is not None for row in self.rows),
            "scored": sum(row["scored_pixels"] is not None for row in self.rows),
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
