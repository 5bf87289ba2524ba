"""Run one Segmenter in a thread of its own, and hand images to that thread."""

import threading
import time
from collections import deque
from typing import Any, Callable, Deque, Optional

from bisenet_core.runtime.segmenter import Segmenter

# How long a network may take over one image once it is asked to stop. ros2 launch sends SIGTERM, which the
# node takes as it took SIGINT, after 5 s, and kills after 10.
_STOP_TIMEOUT_S = 4.0

_POLL_S = 0.1


class Mailbox:
    """One slot between two threads. A queue would let images age; here the newest one replaces the other."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._item: Any = None

    def put(self, item: Any) -> Optional[Any]:
        """Leave ``item`` (not None); returns the item that it replaces, which nobody will see, or None."""
        with self._lock:
            replaced, self._item = self._item, item
        return replaced

    def take(self) -> Optional[Any]:
        """Remove and return the item, or None when there is none."""
        with self._lock:
            item, self._item = self._item, None
        return item


class RoundRobin:
    """Serves one of several sources at a time, going round; one with nothing to do is passed over.

    A source that has something waits for one turn of each other at most. For one thread.
    """

    def __init__(self) -> None:
        self._sources: Deque[Callable[[Any], bool]] = deque()

    def add(self, source: Callable[[Any], bool]) -> None:
        """Give one more source its turns: it does one thing, and returns whether there was one to do."""
        self._sources.append(source)

    def serve(self, segmenter: Any) -> bool:
        """Do one thing of the next source that has one; returns whether there was any."""
        for _ in range(len(self._sources)):
            source = self._sources[0]
            self._sources.rotate(-1)
            if source(segmenter):
                return True
        return False


class InferenceWorker:
    """Runs ``work(segmenter)`` whenever it is woken, again and again until that returns False.

    ``open_segmenter`` is called in the thread too: a CUDA context belongs to the thread that made it. What
    ``work`` raises ends the thread, and ``failure`` then says so.
    """

    def __init__(self, open_segmenter: Callable[[], Segmenter], work: Callable[[Segmenter], bool]) -> None:
        self.failure = ""
        self.busy_since = 0.0  # on time.monotonic(), of the call of ``work`` under way; 0 between two
        self._open_segmenter = open_segmenter
        self._work = work
        self._segmenter: Optional[Segmenter] = None
        self._error: Optional[Exception] = None
        self._opened = threading.Event()
        self._wake = threading.Event()
        self._working = threading.Lock()
        self._stopping = False
        self._slowest_s = 0.0
        self._patience_s = _STOP_TIMEOUT_S  # with a network that hangs it is lost once
        # A daemon, so that a network that hangs cannot keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="inference", daemon=True)

    def start(self, given_up: Callable[[], bool] = lambda: False) -> Segmenter:
        """Start the thread and wait until the Segmenter is open; raises what opening it raised.

        Raises InterruptedError once ``given_up()`` is true, after no longer than ``stop`` takes.
        """
        self._thread.start()
        while not self._opened.wait(_POLL_S):
            if given_up():
                self.stop()
                raise InterruptedError("stopped while the network was being opened")
        if self._segmenter is None:
            self._thread.join()
            raise self._error or RuntimeError("the network did not open")
        return self._segmenter

    def wake(self) -> None:
        """Have the thread work, if it waits."""
        self._wake.set()

    def wait_idle(self) -> bool:
        """Wait until no call of ``work`` is under way; returns whether that is so.

        It waits for seconds at most, or three times as long as the slowest call took: a slow network is not
        one that hangs.
        """
        idle = self._working.acquire(timeout=max(_STOP_TIMEOUT_S, 3 * self._slowest_s))
        if idle:
            self._working.release()
        else:
            self._patience_s = 0.0
        return idle

    def stop(self) -> bool:
        """Finish the call under way, close the Segmenter and end the thread; returns whether it ended.

        It waits for seconds at most, and not again where ``wait_idle`` has; a thread that is left behind ends
        once its network returns.
        """
        self._stopping = True
        self._wake.set()
        self._thread.join(self._patience_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._segmenter = segmenter = self._open_segmenter()
        except Exception as error:
            self._error = error
            return
        finally:
            self._opened.set()
        try:
            with segmenter:
                self._serve(segmenter)
        except BaseException as error:
            self.failure = f"the inference thread has ended: {type(error).__name__}: {error}"
            raise  # Python prints the traceback

    def _serve(self, segmenter: Segmenter) -> None:
        while not self._stopping:
            self._wake.wait()
            self._wake.clear()
            more = True
            while more and not self._stopping:
                with self._working:
                    self.busy_since = began = time.monotonic()
                    more = self._work(segmenter)
                    self._slowest_s = max(self._slowest_s, time.monotonic() - began)
                self.busy_since = 0.0
