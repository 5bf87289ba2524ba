"""Files that only their owner can have written: an engine is a program that runs on the GPU.

Trusted are this user, root, and the user whose number $BISENET_CACHE_OWNER names: a container's root may so
use the cache that it was given of the user who started it.
"""

import os
import stat
import tempfile
from pathlib import Path

from bisenet_core.errors import InputError

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_OWNER = "BISENET_CACHE_OWNER"
#: End of the names of files that are being written.
PART = ".part"


class UntrustedFileError(OSError):
    """Others than this user, or root, could have written the file."""


def make_private_folder(folder: Path) -> Path:
    """Make ``folder``, mode 0700, where it is not there, and return it.

    Raises InputError where others may write into it, OSError where it cannot be made.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = os.stat(str(folder))
    reason = _why_untrusted(status)
    if reason:
        remedy = ("make it yours with chmod 700" if status.st_mode & _OTHERS_WRITE else
                  f"run as that user (docker run --user {status.st_uid}:{status.st_gid}), or trust it with "
                  f"{_OWNER}={status.st_uid}")
        raise InputError(f"engine cache {folder} {reason}, who could put programs for the GPU there; "
                         f"{remedy}, or name another folder (engine_cache)")
    return folder


def read_private(path: Path) -> bytes:
    """The content of a file. Raises OSError, UntrustedFileError for one that others could write."""
    descriptor = os.open(str(path), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as stream:
        reason = _why_untrusted(os.fstat(descriptor))
        if reason:
            raise UntrustedFileError(f"{path.name} {reason}")
        return stream.read()


def write_private(path: Path, content: bytes) -> None:
    """Write a file, mode 0600, that is there in whole or not at all. Raises OSError."""
    descriptor, part = tempfile.mkstemp(prefix=path.name + ".", suffix=PART, dir=str(path.parent))
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())  # or a robot that is switched off finds an empty file of the right name
        os.replace(part, str(path))
    except BaseException:
        os.unlink(part)
        raise


def _why_untrusted(status: os.stat_result) -> str:
    """Why what others put there cannot be told from one's own; empty when it can."""
    if str(status.st_uid) not in (str(os.getuid()), "0", os.environ.get(_OWNER)):
        return f"belongs to user {status.st_uid}"
    return "may be written by others" if status.st_mode & _OTHERS_WRITE else ""
