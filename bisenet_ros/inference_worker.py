"""InferenceWorker: the one thread that opens, uses and closes a Segmenter."""

import threading
from typing import Callable, Optional

from bisenet_core.runtime.segmenter import Segmenter

_STOP_TIMEOUT_S = 30.0


class InferenceWorker:
    """Runs ``work(segmenter)`` whenever it is woken, again and again until that returns False.

    ``open_segmenter`` is called in the thread too: a CUDA context belongs to the thread that made it.
    """

    def __init__(self, open_segmenter: Callable[[], Segmenter], work: Callable[[Segmenter], bool]) -> None:
        self._open_segmenter = open_segmenter
        self._work = work
        self._segmenter: Optional[Segmenter] = None
        self._error: Optional[Exception] = None
        self._opened = threading.Event()
        self._wake = threading.Event()
        self._working = threading.Lock()
        self._stopping = False
        # A daemon, so that a network that hangs cannot keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="inference", daemon=True)

    def start(self) -> Segmenter:
        """Start the thread and wait until the Segmenter is open; raises what opening it raised."""
        self._thread.start()
        self._opened.wait()
        if self._segmenter is None:
            self._thread.join()
            raise self._error or RuntimeError("the network did not open")
        return self._segmenter

    def wake(self) -> None:
        """There is work."""
        self._wake.set()

    def wait_idle(self) -> None:
        """Return when no call of ``work`` is under way."""
        with self._working:
            pass

    def stop(self) -> bool:
        """Finish the call under way, close the Segmenter and end the thread; returns whether it ended."""
        self._stopping = True
        self._wake.set()
        self._thread.join(_STOP_TIMEOUT_S)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._segmenter = segmenter = self._open_segmenter()
        except Exception as error:
            self._error = error
            return
        finally:
            self._opened.set()
        with segmenter:
            while not self._stopping:
                self._wake.wait()
                self._wake.clear()
                self._work_until_done(segmenter)

    def _work_until_done(self, segmenter: Segmenter) -> None:
        more = True
        while more and not self._stopping:
            with self._working:
                more = self._work(segmenter)
