"""StageTimes: how long the last frames took, stage by stage."""

import threading
from collections import deque
from typing import Deque, Dict, List

# 20 s at 15 Hz.
_FRAMES = 300


class StageTimes:
    """Milliseconds by stage of the last few hundred frames. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stages: Dict[str, Deque[float]] = {}

    def add(self, milliseconds: Dict[str, float]) -> None:
        """One frame's time in each stage."""
        with self._lock:
            for stage, value in milliseconds.items():
                self._stages.setdefault(stage, deque(maxlen=_FRAMES)).append(value)

    def by_stage(self) -> Dict[str, List[float]]:
        """A copy: stage -> its times, oldest first; every list has at least one."""
        with self._lock:
            return {stage: list(times) for stage, times in self._stages.items()}
