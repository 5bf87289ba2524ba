"""Objects that TensorRT calls: a logger that forwards its messages, and a monitor of a build's progress."""

import logging
from functools import lru_cache
from typing import Any, Callable, Dict, List, Optional, Tuple

from bisenet_core.errors import BackendUnavailable

_LOGGER = logging.getLogger(__name__)
#: errors that are kept to explain a failure
_KEPT = 3

_DRIVER_ERROR = "error: 35"  # cudaErrorInsufficientDriver
_OLD_DRIVER = ("; the driver is older than the CUDA that this TensorRT was built for: pip uninstall its "
               "packages, then pip install 'bisenet_ros[gpu-cu12]'; or install a driver of 580 or later "
               "(docs/gpu.md)")

#: Called with the phase's name, the steps done and all its steps.
Progress = Callable[[str, int, int], None]


@lru_cache(maxsize=None)
def shared_logger(trt: Any) -> Any:
    """The one ``trt.ILogger`` of this process; TensorRT keeps the first it is given, and warns of others.

    Its ``take_errors()`` gives the errors since the last call, as one line. What TensorRT calls an error is
    logged as a warning only by who finds that nothing else helped: a foreign engine is merely built again.
    """
    severity = trt.ILogger.Severity
    levels = {severity.INTERNAL_ERROR: logging.INFO, severity.ERROR: logging.INFO,
              severity.WARNING: logging.INFO, severity.INFO: logging.DEBUG}
    errors = (severity.INTERNAL_ERROR, severity.ERROR)

    class Logger(trt.ILogger):
        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self._errors: List[str] = []

        def log(self, severity: Any, msg: str) -> None:
            if severity in errors:
                self._errors = self._errors[1 - _KEPT:] + [" ".join(msg.split())]
            if severity in levels:
                _LOGGER.log(levels[severity], "TensorRT: %s", msg)

        def take_errors(self) -> str:
            """What went wrong last, one line; empty when TensorRT said nothing."""
            taken, self._errors = self._errors, []
            return "; ".join(taken)

    return Logger()


def no_gpu_error(trt: Any, log: Any, error: TypeError) -> BackendUnavailable:
    """The reason and the remedy for what pybind11 raises where TensorRT finds no GPU that it can use."""
    reason = log.take_errors() or str(error)
    remedy = _OLD_DRIVER if _DRIVER_ERROR in reason else ""
    return BackendUnavailable(f"TensorRT {trt.__version__} finds no usable GPU: {reason}{remedy}")


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
