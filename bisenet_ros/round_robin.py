"""RoundRobin: one worker, many who wait for it, each in turn."""

from typing import Any, Callable, Sequence


class RoundRobin:
    """Serves one of several sources at a time, going round; one with nothing to do is passed over.

    Nobody starves: a source that has something waits for one turn of each other at most. For one thread.
    """

    def __init__(self, sources: Sequence[Callable[[Any], bool]]) -> None:
        """Each of ``sources`` does one thing, and returns whether there was one to do."""
        self._sources = list(sources)
        self._next = 0

    def serve(self, worker: Any) -> bool:
        """Do one thing of the next source that has one; returns whether there was any."""
        for _ in self._sources:
            source = self._sources[self._next]
            self._next = (self._next + 1) % len(self._sources)
            if source(worker):
                return True
        return False
