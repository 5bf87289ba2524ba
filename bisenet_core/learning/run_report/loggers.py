"""Where a run's metrics go: a CSV file, and event files for TensorBoard."""

import logging
from pathlib import Path

from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.loggers.logger import Logger

from bisenet_core.learning.run_report.metrics_file import MetricsFile

#: In the output folder of a run.
LOGS, METRICS = "logs", "metrics.csv"


def loggers(output: Path, begin: int = 0) -> list[Logger]:
    """Loggers into ``output``/logs of a run that starts, or goes on, at iteration ``begin``.

    What an earlier start logged from there on is cut off, in metrics.csv and in the view of TensorBoard, so
    that a run's curve is one. Without tensorboard installed there is only the CSV file, and a warning.
    """
    found: list[Logger] = [MetricsFile(output / LOGS / METRICS, begin)]
    try:
        found.append(TensorBoardLogger(output, "", LOGS, default_hp_metric=False, purge_step=begin))
    except ModuleNotFoundError:
        logging.getLogger(__name__).warning(
            "no files for TensorBoard are written, as it is not installed: pip install 'bisenet_ros[train]'"
        )
    return found
