"""TensorRT's messages: forwarded to logging, the last errors kept for whoever has to explain a failure."""

import logging
from functools import lru_cache
from typing import Any, List

_LOGGER = logging.getLogger(__name__)
_KEPT = 3


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
