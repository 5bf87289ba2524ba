"""Read a process's CPU time, memory, threads and open files from Linux's /proc."""

import errno
import os
from pathlib import Path
from typing import NamedTuple

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE_MIB = os.sysconf("SC_PAGE_SIZE") / 2**20

# A process that has ended but whose parent has not asked for its status yet: it seems to take nothing.
_DEAD = "ZX"


class Usage(NamedTuple):
    """What a process uses at one moment. CPU times are seconds since it began."""

    cpu: float
    cpu_main_and_dds: float  # of the main thread and those of Fast DDS alone
    memory_mib: float        # resident; shared memory is in it
    threads: int
    files: int


def usage(pid: int) -> Usage:
    """What a living process uses. Raises OSError for one that is gone or not ours."""
    folder = Path("/proc") / str(pid)
    own = 0.0
    tasks = list((folder / "task").iterdir())
    for task in tasks:
        try:
            name, seconds, _ = _stat((task / "stat").read_text())
        except OSError:  # a thread that has just ended
            continue
        if task.name == str(pid) or name.startswith("dds."):
            own += seconds
    memory = int((folder / "statm").read_text().split()[1]) * _PAGE_MIB
    files = len(os.listdir(folder / "fd"))
    _, total, state = _stat((folder / "stat").read_text())  # last: what was alive by now was so above
    if state in _DEAD:
        raise ProcessLookupError(errno.ESRCH, "the process has ended", str(folder))
    return Usage(total, own, memory, len(tasks), files)


def _stat(text: str) -> tuple[str, float, str]:
    """Name, CPU seconds and state of a stat file; the name may hold blanks and brackets."""
    name, _, rest = text.partition("(")[2].rpartition(")")
    fields = rest.split()
    return name, (int(fields[11]) + int(fields[12])) / _TICKS, fields[0]
