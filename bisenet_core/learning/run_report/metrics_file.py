"""Where a run's metrics go: one CSV file over all its starts, and event files for TensorBoard."""

import csv
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bisenet_core.errors import InputError
from bisenet_core.files import replacing

#: In the output folder of a run.
LOGS, METRICS = "logs", "metrics.csv"
Row = dict[str, str]


class RunLogs:
    """Logs into ``output``/logs of a run that starts, or goes on, at iteration ``begin``.

    What an earlier start logged from there on is cut off, in metrics.csv and in the view of TensorBoard, so
    that a run's curve is one. Without tensorboard installed there is only the CSV file, and a warning. Where
    it is not ``enabled``, as in every process but the first, nothing is written.
    """

    def __init__(self, output: Path, begin: int = 0, enabled: bool = True) -> None:
        self._file = MetricsFile(output / LOGS / METRICS, begin) if enabled else None
        self._events = _event_writer(output / LOGS, begin) if enabled else None

    def log(self, metrics: Mapping[str, float], step: int) -> None:
        """Log ``metrics`` of iteration ``step``, from 0; a killed process loses none of them."""
        if self._file is not None:
            self._file.log(metrics, step)
        if self._events is not None:
            for name, value in metrics.items():
                self._events.add_scalar(name, value, step)
            self._events.flush()


def _event_writer(folder: Path, begin: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter  # which imports what may not be installed

        return SummaryWriter(str(folder), purge_step=begin)
    except ModuleNotFoundError:
        logging.getLogger(__name__).warning(
            "no files for TensorBoard are written, as it is not installed: pip install 'bisenet_ros[train]'"
        )
        return None


class MetricsFile:
    """Writes ``path``: a row for each step at which something was logged, a column for each metric.

    A run that goes on at iteration ``begin`` loses the rows from there on, which it is about to write again.
    Every row is with the operating system once it is logged, so that a killed process loses none.
    """

    def __init__(self, path: Path, begin: int = 0) -> None:
        self._path = path
        found = read_rows(path)
        self._columns = list(found[0]) if found else ["step"]
        self._rows = [row for row in found if int(row["step"]) < begin]
        self._is_begun = False

    def log(self, metrics: Mapping[str, float], step: int) -> None:
        """Write ``metrics`` into the row of ``step``."""
        row = {"step": str(step), **{name: f"{value:.8g}" for name, value in metrics.items()}}
        new = sorted(set(row) - set(self._columns))
        if self._is_begun and not new and self._rows[-1]["step"] != row["step"]:
            self._rows.append(row)
            with self._path.open("a") as file:
                csv.DictWriter(file, self._columns, lineterminator="\n").writerow(row)
            return
        before = self._rows.pop() if self._rows and self._rows[-1]["step"] == row["step"] else {}
        self._rows.append({**before, **row})
        self._columns += new
        self._write_all()

    def _write_all(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(self._path) as unfinished, unfinished.open("w") as file:
            writer = csv.DictWriter(file, self._columns, lineterminator="\n")
            writer.writeheader()
            writer.writerows(self._rows)
        self._is_begun = True


def read_rows(path: Path) -> list[Row]:
    """The rows of a MetricsFile as text; none where there is no file, and none that was not written whole.

    InputError for another CSV file, as a spreadsheet may save it.
    """
    if not path.exists():
        return []
    lines = path.read_text().splitlines(keepends=True)
    whole = lines[:-1] if lines and not lines[-1].endswith("\n") else lines
    rows = [row for row in csv.DictReader(whole) if None not in row.values()]
    if not all(row.get("step", "").isdecimal() for row in rows):
        raise InputError(f"{path} has no column of whole numbers called step; restore it, or remove it to do "
                         "without what was logged")
    return rows
