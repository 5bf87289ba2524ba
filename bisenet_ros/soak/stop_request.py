"""StopRequest: Ctrl-C as a wish, which is granted between two steps and not in the middle of one."""

import signal
import time
from types import FrameType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_POLL_S = 0.1


class StopRequest:
    """Inside ``with``, the first Ctrl-C (or SIGTERM) is noted, and the next one a KeyboardInterrupt."""

    def __init__(self) -> None:
        self.made = False

    def __enter__(self) -> "StopRequest":
        self._before = {number: signal.signal(number, self._note) for number in _SIGNALS}
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def sleep(self, seconds: float) -> None:
        """Sleep; a request ends it."""
        # Not with an Event: a handler must not take a lock that the thread which it interrupts may hold.
        until = time.monotonic() + seconds
        while not self.made and time.monotonic() < until:
            time.sleep(min(_POLL_S, max(0.0, until - time.monotonic())))

    def _note(self, number: int, frame: FrameType | None) -> Any:
        if self.made:
            raise KeyboardInterrupt
        self.made = True
