"""Seeing a run: logs, progress, and the report in one HTML file at its end."""

from bisenet_core.learning.run_report.metrics_file import RunLogs
from bisenet_core.learning.run_report.page import write_run_report
from bisenet_core.learning.run_report.progress import RunProgress
from bisenet_core.learning.run_report.recorder import RunRecorder

__all__ = ["RunLogs", "RunProgress", "RunRecorder", "write_run_report"]
