"""Write a file so that a reader finds all of it, or the file that was there before."""

import os
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Iterator


@contextmanager
def replacing(path: Path, shared: bool = False, durable: bool = False) -> Iterator[Path]:
    """Yield a path beside ``path`` to write to; the file written there replaces ``path`` at the end.

    Where the body or the disk fails, ``path`` stays what it was and the unfinished file is removed. A killed
    process leaves it, and the next one overwrites it. ``shared``: several processes may write ``path`` at
    once, so each has an unfinished file of its own. ``durable``: leave the block only when the
    file would outlive a power cut. Where either path is a link, the link is replaced and not what it leads
    to. Raises OSError, for example for a full disk.
    """
    own = f".{os.getpid()}" if shared else ""
    unfinished = path.with_name(f".{path.name}{own}.part")
    with suppress(FileNotFoundError):
        unfinished.unlink()
    try:
        yield unfinished
        if durable:
            _sync(unfinished)
        os.replace(str(unfinished), str(path))
    finally:
        with suppress(OSError):  # it is gone when all went well
            unfinished.unlink()
    if durable:
        _sync(path.parent)  # the new name, too, must outlive it


def _sync(path: Path) -> None:
    """Wait until a file's content, or a folder's names, are on the disk."""
    descriptor = os.open(str(path), os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
