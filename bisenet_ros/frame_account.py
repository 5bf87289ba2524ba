"""Count what became of every image of a camera, and keep the stage times of the last few hundred."""

import threading
from collections import Counter, deque
from typing import Deque, Dict, Iterable, List, NamedTuple

# How many images' times are kept: 20 s at 15 Hz.
_FRAMES = 300

# The first images pay for memory and caches that the rest find; as soon as there are twice as many, they go.
_WARM_UP = 10


class FrameCounts(NamedTuple):
    """Counts since the start. received = published + dropped + failed + pending, at every moment."""

    received: int
    published: int
    dropped: Dict[str, int]  # by reason
    failed: Dict[str, int]   # by reason
    doubtful: Dict[str, int] = {}  # by kind: published, though perhaps read wrongly

    @property
    def pending(self) -> int:
        """Images that are still under way: at most one in the mailbox and one in work."""
        return self.received - self.published - sum(self.dropped.values()) - sum(self.failed.values())

    def __str__(self) -> str:
        text = "received {} = published {} + dropped {} + failed {}".format(
            self.received, self.published, _total(self.dropped), _total(self.failed))
        return text + (f" + pending {self.pending}" if self.pending else "")


class FrameAccount:
    """Counts frames, each of them received once and settled once. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._received = 0
        self._published = 0
        self._reasons: Dict[str, Counter] = {kind: Counter() for kind in ("dropped", "failed", "doubtful")}

    def receive(self) -> None:
        """Count a frame that has come in."""
        with self._lock:
            self._received += 1

    def settle(self, kind: str, reason: str = "") -> None:
        """Count what became of a frame.

        ``kind`` is "published" for labels that went out, "dropped" for a good frame that was passed over on
        purpose, "failed" for one that could not be labelled; the last two have a reason, in one word.
        """
        with self._lock:
            if kind == "published":
                self._published += 1
            else:
                self._reasons[kind][reason] += 1

    def doubt(self, kind: str) -> None:
        """Count a frame that may have been read wrongly, whatever becomes of it."""
        with self._lock:
            self._reasons["doubtful"][kind] += 1

    def counts(self) -> FrameCounts:
        """All counts at one moment."""
        with self._lock:
            return FrameCounts(self._received, self._published,
                               *(dict(reasons) for reasons in self._reasons.values()))


class StageTimes:
    """Milliseconds by stage of the last few hundred frames. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._frames: Deque[Dict[str, float]] = deque(maxlen=_FRAMES)
        self._added = 0

    def add(self, milliseconds: Dict[str, float]) -> None:
        """One frame's time in each stage; the stages are the same for all frames."""
        with self._lock:
            self._frames.append(milliseconds)
            self._added += 1
            if self._added == 2 * _WARM_UP:
                for _ in range(_WARM_UP):
                    self._frames.popleft()

    def by_stage(self) -> Dict[str, List[float]]:
        """A copy: stage -> its times, oldest first; every list has at least one."""
        with self._lock:
            frames = list(self._frames)
        return {stage: [frame[stage] for frame in frames] for stage in (frames[0] if frames else ())}


def sum_counts(several: Iterable[FrameCounts]) -> FrameCounts:
    """The counts of several cameras as those of one."""
    counts = list(several)
    return FrameCounts(
        sum(one.received for one in counts), sum(one.published for one in counts),
        _sum_reasons(one.dropped for one in counts), _sum_reasons(one.failed for one in counts),
        _sum_reasons(one.doubtful for one in counts))


def _sum_reasons(several: Iterable[Dict[str, int]]) -> Dict[str, int]:
    return dict(sum(map(Counter, several), Counter()))


def _total(reasons: Dict[str, int]) -> str:
    total = str(sum(reasons.values()))
    if not reasons:
        return total
    return "{} ({})".format(total, ", ".join(f"{reason} {reasons[reason]}" for reason in sorted(reasons)))
