"""MetricsFile: what is logged, as one CSV file over every start of a run."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers.logger import Logger
from lightning.pytorch.utilities.rank_zero import rank_zero_only

from bisenet_core.files import replacing

Row = dict[str, str]
_FIRST = ("step",)


class MetricsFile(Logger):
    """Writes ``path``: a row for each step at which something was logged, a column for each metric.

    ``step`` is the iteration's index from 0. A run that goes on at iteration ``begin`` loses the rows from
    there on, which it is about to write again, and keeps those before. Every row is with the operating
    system once it is logged, so that a killed process loses none. Raises OSError where the file cannot be
    written. Lightning's own CSVLogger deletes what an earlier start has logged.
    """

    def __init__(self, path: Path, begin: int = 0) -> None:
        super().__init__()
        self._path, self._begin = path, begin
        self._columns: list[str] = []
        self._last: Row = {}
        self._place = 0
        """Of the last row in the file, in bytes."""

    @property
    def name(self) -> str:
        return ""

    @property
    def version(self) -> str:
        return ""

    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        """Nothing: the recipe lies beside."""

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        # Lightning adds its own epoch, which is 0 throughout: to it the whole run is one.
        values = {name: f"{value:.8g}" for name, value in metrics.items() if name != "epoch"}
        row = {"step": str(step), **values}
        if not self._columns:
            self._go_on()
        new = sorted(set(row) - set(self._columns))
        if new:
            rows = read_rows(self._path)
            self._columns += new
            self._write_all(rows)
        self._write(row)

    def _go_on(self) -> None:
        """Take over what an earlier start has logged, up to where this one begins."""
        rows = read_rows(self._path)
        self._columns = list(rows[0]) if rows else list(_FIRST)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._write_all([row for row in rows if int(row["step"]) < self._begin])

    def _write(self, row: Row) -> None:
        """Append the row or, where it is of the same step as the last, put both into one."""
        if row["step"] == self._last.get("step"):
            row = {**self._last, **row}
        else:
            self._place = self._path.stat().st_size
        with self._path.open("r+b") as file:
            file.seek(self._place)
            file.write(self._line(row))
            file.truncate()
        self._last = row

    def _write_all(self, rows: list[Row]) -> None:
        head, *lines = [self._line(row) for row in (dict(zip(self._columns, self._columns)), *rows)]
        with replacing(self._path) as unfinished:
            unfinished.write_bytes(head + b"".join(lines))
        self._last = rows[-1] if rows else {}
        self._place = self._path.stat().st_size - (len(lines[-1]) if lines else 0)

    def _line(self, row: Row) -> bytes:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerow(row.get(name, "") for name in self._columns)
        return text.getvalue().encode()


def read_rows(path: Path) -> list[Row]:
    """The rows of a MetricsFile as text; none where there is no file, and none that was not written whole."""
    if not path.exists():
        return []
    lines = path.read_text().splitlines(keepends=True)
    whole = lines[:-1] if lines and not lines[-1].endswith("\n") else lines
    return [row for row in csv.DictReader(whole) if None not in row.values()]
