"""claim_cores gives each worker on a machine processor cores of its own."""

import fcntl
import os
import tempfile

#: Open files whose locks are the claims of this process; the system releases them when it ends.
_claims: list[int] = []
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW


def claim_cores(count: int) -> int:
    """Restrict this process to ``count`` cores that no other worker has claimed; returns how many it has.

    Inference libraries start one thread for each core they may use, so that workers that all see the whole
    machine slow one another down. Where too few are free, the process keeps every core it was given.
    """
    if _claims:
        return len(os.sched_getaffinity(0))
    given = os.sched_getaffinity(0)
    free = [core for core in sorted(given) if len(_claims) < count and _claim(core)]
    if len(free) == count:
        os.sched_setaffinity(0, free)
    else:
        while _claims:
            os.close(_claims.pop())
    return len(os.sched_getaffinity(0))


def available_cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0))


def _claim(core: int) -> bool:
    name = f"bisenet_replay_{os.getuid()}_core{core}.lock"
    try:
        stream = os.open(os.path.join(tempfile.gettempdir(), name), _FLAGS, 0o600)
    except OSError:
        return False
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(stream)
        return False
    _claims.append(stream)
    return True
