"""RunRecorder: keeps the record of a run, and writes its report when it ends, however it ends."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

from bisenet_core.learning.run_guard import RunStoppedError
from bisenet_core.learning.run_report.page import write_run_report
from bisenet_core.learning.run_report.run_record import Start, git_state, read_starts, versions, write_starts

_log = logging.getLogger(__name__)
_SECONDS_BETWEEN_RECORDS = 30.0


class RunRecorder:
    """Keeps ``output``/logs/run.json up to date, and writes ``output``/report.html at the end of each start.

    ``root`` is the data set's folder; ``hardware`` is given in words. A report that cannot be written is a
    warning: it may be made later, by ``python -m bisenet_core.learning.run_report OUTPUT``. Where it is not
    ``enabled``, as in every process but the first, nothing is written.
    """

    def __init__(
        self, output: Path, root: Path, begin: int = 0, hardware: str = "", enabled: bool = True
    ) -> None:
        self._output, self._root, self._enabled = output, root, enabled
        self._begun_at = self._written_at = monotonic()
        self._validated_for = 0.0
        self._start = Start(begin=begin, end=begin, root=str(root.resolve()), hardware=hardware)
        if enabled:
            self._start.versions, self._start.git = versions(), git_state()
            self._starts = [*read_starts(output), self._start]
            self.write(begin)

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Write down how what is in the ``with`` ends, and then the report."""
        try:
            yield
        except BaseException as error:
            kind = "" if isinstance(error, RunStoppedError) else f"{type(error).__name__} "
            self._finish(" ".join(f"{kind}{error}".split())[:200])
            raise
        self._finish("finished")

    def trained(self, done: int) -> None:
        """Bring the record to ``done`` iterations, every now and then."""
        self._start.end = done
        if monotonic() - self._written_at > _SECONDS_BETWEEN_RECORDS:
            self.write(done)

    @contextmanager
    def validating(self) -> Iterator[None]:
        """Count the time in the ``with`` as spent on validation."""
        began = monotonic()
        yield
        self._validated_for += monotonic() - began

    def write(self, done: int) -> None:
        """Bring the record of this start up to date."""
        self._written_at = monotonic()
        if not self._enabled:
            return
        self._start.end = done
        self._start.seconds = round(self._written_at - self._begun_at, 3)
        self._start.training_seconds = round(self._start.seconds - self._validated_for, 3)
        write_starts(self._output, self._starts)

    def _finish(self, outcome: str) -> None:
        if not self._enabled:
            return
        try:
            self._start.outcome = outcome
            self.write(self._start.end)
            write_run_report(self._output, self._root)
        except Exception as error:  # whatever it is, the weights are what the run was for
            _log.warning("the report of %s was not written: %s", self._output, " ".join(str(error).split()))
