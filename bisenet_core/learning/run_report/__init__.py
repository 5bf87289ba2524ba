"""Seeing a run: loggers, progress, and the report in one HTML file at its end."""

from bisenet_core.learning.run_report.callback import RunReport
from bisenet_core.learning.run_report.loggers import loggers
from bisenet_core.learning.run_report.page import write_run_report
from bisenet_core.learning.run_report.progress import RunProgress, progress_bar

__all__ = ["RunProgress", "RunReport", "loggers", "progress_bar", "write_run_report"]
