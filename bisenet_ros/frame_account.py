"""FrameAccount: what became of every image that a camera sent."""

import threading
from collections import Counter
from typing import Dict, Iterable, NamedTuple


class FrameCounts(NamedTuple):
    """Counts since the start. received = published + dropped + failed + pending, at every moment."""

    received: int
    published: int
    dropped: Dict[str, int]  # by reason
    failed: Dict[str, int]   # by reason

    @property
    def pending(self) -> int:
        """Images whose fate is open: at most one in the mailbox and one in work."""
        return self.received - self.published - sum(self.dropped.values()) - sum(self.failed.values())

    def __str__(self) -> str:
        text = "received {} = published {} + dropped {} + failed {}".format(
            self.received, self.published, _total(self.dropped), _total(self.failed))
        return text + (f" + pending {self.pending}" if self.pending else "")


class FrameAccount:
    """Counts frames by their fate. Each frame is received once, and then published, dropped or failed once.

    Safe to use from many threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._received = 0
        self._published = 0
        self._dropped: Counter = Counter()
        self._failed: Counter = Counter()

    def receive(self) -> None:
        """A frame has come in."""
        with self._lock:
            self._received += 1

    def publish(self) -> None:
        """A frame's labels have gone out."""
        with self._lock:
            self._published += 1

    def drop(self, reason: str) -> None:
        """A good frame was passed over, on purpose."""
        with self._lock:
            self._dropped[reason] += 1

    def fail(self, reason: str) -> None:
        """A frame could not be labelled."""
        with self._lock:
            self._failed[reason] += 1

    def counts(self) -> FrameCounts:
        """All counts at one moment."""
        with self._lock:
            return FrameCounts(self._received, self._published, dict(self._dropped), dict(self._failed))


def sum_counts(several: Iterable[FrameCounts]) -> FrameCounts:
    """The counts of several cameras as those of one."""
    received, published = 0, 0
    dropped: Counter = Counter()
    failed: Counter = Counter()
    for counts in several:
        received += counts.received
        published += counts.published
        dropped.update(counts.dropped)
        failed.update(counts.failed)
    return FrameCounts(received, published, dict(dropped), dict(failed))


def _total(reasons: Dict[str, int]) -> str:
    total = str(sum(reasons.values()))
    if not reasons:
        return total
    return "{} ({})".format(total, ", ".join(f"{reason} {reasons[reason]}" for reason in sorted(reasons)))
