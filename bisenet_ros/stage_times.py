"""StageTimes: how long the last frames took, stage by stage."""

import threading
import time
from collections import deque
from typing import Deque, Dict, List, NamedTuple

# 20 s at 15 Hz.
_FRAMES = 300

# The first frames pay for memory and caches that the rest find; as soon as there are twice as many, they go.
_WARM_UP = 10


class Moment(NamedTuple):
    """Seconds by time.monotonic(), and of processor time that the calling thread has had."""

    wall: float
    cpu: float


def this_moment() -> Moment:
    """Now, in this thread."""
    # time.thread_time() came with Python 3.7
    return Moment(time.monotonic(), time.clock_gettime(time.CLOCK_THREAD_CPUTIME_ID))


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
