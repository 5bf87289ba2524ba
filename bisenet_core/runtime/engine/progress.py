"""How far a build is, through TensorRT's IProgressMonitor where it exists (10 and later)."""

import logging
from typing import Any, Callable, Dict, Optional, Tuple

_LOGGER = logging.getLogger(__name__)

#: Called with the phase's name, the steps done and all its steps.
Progress = Callable[[str, int, int], None]


def attach_progress(trt: Any, config: Any, progress: Optional[Progress]) -> Any:
    """Have a build report to ``progress``. Returns the monitor, to be asked after the build, or None.

    A TensorRT that cannot report, or a build nobody watches, gets a line in the log instead.
    """
    if progress is None or not hasattr(trt, "IProgressMonitor"):
        _LOGGER.warning("building a TensorRT engine for this GPU, once; this takes minutes")
        return None
    monitor = config.progress_monitor = _make_monitor(trt, progress)
    return monitor


def raise_interruption(monitor: Any) -> None:
    """Raise what interrupted the build, such as KeyboardInterrupt, if anything did."""
    if monitor is not None and monitor.interruption is not None:
        raise monitor.interruption


def _make_monitor(trt: Any, progress: Progress) -> Any:
    class Monitor(trt.IProgressMonitor):
        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)
            self.interruption: Optional[BaseException] = None
            self._steps: Dict[str, Tuple[int, Optional[str]]] = {}

        def phase_start(self, phase_name: str, parent_phase: Optional[str], num_steps: int) -> None:
            self._steps[phase_name] = (num_steps, parent_phase)
            self._report(phase_name, 0)

        def step_complete(self, phase_name: str, step: int) -> bool:
            self._report(phase_name, step + 1)
            return self.interruption is None

        def phase_finish(self, phase_name: str) -> None:
            self._report(phase_name, self._steps.get(phase_name, (0, None))[0])
            self._steps.pop(phase_name, None)

        def _report(self, phase: str, done: int) -> None:
            # TensorRT calls from C++, which no exception may cross: it is kept, and the build is ended.
            try:
                steps, parent = self._steps.get(phase, (0, None))
                if parent is None and steps and self.interruption is None:
                    progress(phase, done, steps)
            except BaseException as error:
                self.interruption = error

    return Monitor()
