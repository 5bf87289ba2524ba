"""Timeline: the position in recorded time while a drive is played."""

import math
import threading
import time
from collections.abc import Callable


class Timeline:
    """Recorded time that runs at ``rate`` once ``run``, and stands still while paused.

    ``now`` is a steady clock in seconds. Safe to use from many threads.
    """

    def __init__(self, rate: float, start_ns: int, now: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._now = now
        self._changed = threading.Condition()
        self._position_ns = start_ns
        self._running_since: float | None = None
        self._started = self._paused = False

    def run(self) -> None:
        """Begin to play, unless it is paused: then resuming begins."""
        self._started = True
        self._update()

    def pause(self, on: bool) -> None:
        """Stand still where it is, or go on from there."""
        self._paused = on
        self._update()

    def position_ns(self) -> int:
        """The moment of the recording that is being played."""
        with self._changed:
            return self._position()

    def wait_until(self, due_ns: int, timeout_s: float) -> bool:
        """Return whether the playing has reached ``due_ns`` and runs, after ``timeout_s`` at the latest."""
        deadline = self._now() + timeout_s
        with self._changed:
            while self._seconds_to(due_ns) > 0:
                patience = deadline - self._now()
                if patience <= 0:
                    return False
                self._changed.wait(min(self._seconds_to(due_ns), patience))
        return True

    def late_s(self, due_ns: int) -> float:
        """How long ago, in the computer's seconds, the playing passed ``due_ns``."""
        return (self.position_ns() - due_ns) / 1e9 / self._rate

    def _update(self) -> None:
        with self._changed:
            self._position_ns = self._position()
            self._running_since = self._now() if self._started and not self._paused else None
            self._changed.notify_all()

    def _position(self) -> int:
        if self._running_since is None:
            return self._position_ns
        return self._position_ns + round((self._now() - self._running_since) * self._rate * 1e9)

    def _seconds_to(self, due_ns: int) -> float:
        if self._running_since is None:
            return math.inf
        return (due_ns - self._position()) / 1e9 / self._rate
