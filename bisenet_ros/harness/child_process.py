"""ChildProcess: a Python program as a process, which is stopped cleanly whatever happens to its tool."""

import ctypes
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

_PR_SET_PDEATHSIG = 1
# Found now: between fork and exec, a lock that another thread held would stay held.
_PRCTL = ctypes.CDLL(None).prctl if sys.platform.startswith("linux") else None

_STOP_TIMEOUT_S = 10.0
_LAST_BREATH_S = 1.0


class ChildProcess:
    """A Python module, or a file *.py, run as a process from now on; ``with`` stops it.

    stderr, and stdout where no other is given, go to ``log``. It has a session of its own, so that Ctrl-C
    reaches the tool alone, which then stops its children in order; it also ends when the tool is killed.
    """

    def __init__(self, program: str, arguments: list[str], log: Path, stdin: int = subprocess.DEVNULL,
                 stdout: int | None = None) -> None:
        self.log = log
        paths = filter(None, [str(Path(__file__).resolve().parents[2]), os.environ.get("PYTHONPATH")])
        with log.open("wb") as log_file:
            self._process = subprocess.Popen(
                [sys.executable, *([] if program.endswith(".py") else ["-m"]), program, *arguments],
                stdin=stdin,
                stdout=log_file if stdout is None else stdout,
                stderr=log_file,
                env=dict(os.environ, PYTHONPATH=os.pathsep.join(paths), PYTHONUNBUFFERED="1"),
                text=True,
                start_new_session=True,
                preexec_fn=_prepare,
            )

    def __enter__(self) -> "ChildProcess":
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def status(self) -> int | None:
        """Its exit status, or None while it runs."""
        return self._process.poll()

    def has_ended(self) -> bool:
        """Whether the process is gone."""
        return self.status is not None

    def stop(self) -> None:
        """Send SIGINT, as a terminal does; a process that does not heed it is terminated, then killed."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            if self.has_ended():
                return
            self._process.send_signal(number)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_STOP_TIMEOUT_S)

    def last_error(self) -> str:
        """What killed it, or the last error in its log, or the last line, or its exit status: one line."""
        with suppress(subprocess.TimeoutExpired):  # a closed pipe may tell of its end before its status does
            self._process.wait(_LAST_BREATH_S)
        if (self.status or 0) < 0:
            return f"killed by {signal.Signals(-(self.status or 0)).name}"
        text = self.log.read_bytes().decode("utf-8", "replace")
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        errors = [line for line in lines if "[ERROR]" in line or "[FATAL]" in line]
        if errors:
            return errors[-1].split("]: ", 1)[-1]
        return lines[-1] if lines else f"exit status {self.status}"


def _prepare() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # who is run in the background, as `demo &`, ignores it
    if _PRCTL is not None:
        _PRCTL(_PR_SET_PDEATHSIG, signal.SIGTERM)
