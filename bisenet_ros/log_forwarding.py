"""Forward what the core logs through Python's logging to the node's logger, and so to /rosout."""

import logging
from typing import Any

from bisenet_core.errors import PrintableFormatter


class NodeLogHandler(logging.Handler):
    """Hands records of Python's logging to a ROS logger at the same level."""

    def __init__(self, node_logger: Any) -> None:
        super().__init__()
        self.setFormatter(PrintableFormatter())
        self._logger = node_logger

    def emit(self, record: logging.LogRecord) -> None:
        """Log the record's message (with its traceback, where it has one)."""
        try:
            text = self.format(record)
            # rclpy ties a level to each place that logs, so every level needs a line of its own.
            if record.levelno >= logging.CRITICAL:
                self._logger.fatal(text)
            elif record.levelno >= logging.ERROR:
                self._logger.error(text)
            elif record.levelno >= logging.WARNING:
                self._logger.warning(text)
            elif record.levelno >= logging.INFO:
                self._logger.info(text)
            else:
                self._logger.debug(text)
        except Exception:
            self.handleError(record)


def forward_logging(node_logger: Any, package: str = "bisenet_core") -> NodeLogHandler:
    """Send what ``package`` logs, at INFO and above, to ``node_logger``. Undo it with ``stop_forwarding``."""
    handler = NodeLogHandler(node_logger)
    source = logging.getLogger(package)
    source.addHandler(handler)
    source.setLevel(logging.INFO)
    source.propagate = False  # Python's root logger would print it a second time
    return handler


def stop_forwarding(handler: NodeLogHandler, package: str = "bisenet_core") -> None:
    """Take ``handler`` away again."""
    source = logging.getLogger(package)
    source.removeHandler(handler)
    source.setLevel(logging.NOTSET)
    source.propagate = True
