"""PipedProcess: a child that is told lines on stdin, and tells lines on stdout."""

import select
import subprocess
from contextlib import suppress
from pathlib import Path

from bisenet_ros.harness.node_process import ChildProcess


class PipedProcess(ChildProcess):
    """A ChildProcess with pipes for stdin and stdout."""

    def __init__(self, program: str, arguments: list[str], log: Path) -> None:
        super().__init__(program, arguments, log, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def read_line(self) -> str:
        """The next line that it prints; empty once it has closed its end."""
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def has_output(self, timeout_s: float) -> bool:
        """Whether it prints something within that time, or has closed its end.

        For one that prints a line at a time: of two lines, the second would go unnoticed.
        """
        assert self._process.stdout is not None
        return bool(select.select([self._process.stdout], [], [], timeout_s)[0])

    def send_line(self, line: str) -> None:
        """Send one line to it; one that has gone gets nothing."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
