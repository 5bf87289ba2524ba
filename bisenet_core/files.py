"""Write a file so that a reader finds all of it or the old one; read a stranger's file within bounds."""

import errno
import fcntl
import json
import os
import stat
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Iterator, Union

#: The most bytes of a text that is read whole: JSON, a list of names, a recipe.
MOST_TEXT = 1 << 24
#: The most bytes of an image file.
MOST_IMAGE = 1 << 29
_DEEPEST = 32  # lists in lists: ours have four


def user_cache(name: str) -> Path:
    """$XDG_CACHE_HOME/bisenet/``name``, or below ~/.cache. Raises RuntimeError for a user without a home."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    try:
        return (Path(given) if os.path.isabs(given) else Path.home() / ".cache") / "bisenet" / name
    except KeyError as error:  # of Python 3.6
        raise RuntimeError(f"no home directory is known of user {error}") from error


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Wait until no other process is in such a block for ``folder``, or go on where there are no locks."""
    descriptor = os.open(str(folder), os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


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
    name = os.fsdecode(os.fsencode(path.name)[:200])  # of 255 bytes at most with what is added
    unfinished = path.with_name(f".{name}{own}.part")
    with suppress(FileNotFoundError, NotADirectoryError):  # the second is left to the body
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


@contextmanager
def open_regular(path: Union[str, Path]) -> Iterator[IO[bytes]]:
    """Open a file to read its bytes. Raises OSError, also for a pipe or a device, which may never end."""
    descriptor = os.open(str(path), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe would wait
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "it is a pipe or a device; expected a regular file")
        with os.fdopen(descriptor, "rb", closefd=False) as stream:
            yield stream
    finally:
        os.close(descriptor)


def read_regular(path: Union[str, Path], most_bytes: int) -> bytes:
    """The content of a regular file. Raises OSError, also for one of more than ``most_bytes``."""
    with open_regular(path) as stream:
        size = os.fstat(stream.fileno()).st_size
        content = stream.read(min(size, most_bytes) + 1)
    if max(size, len(content)) > most_bytes:
        raise OSError(errno.EFBIG, f"it has {size} bytes; expected at most {most_bytes}")
    return content


def read_text(path: Union[str, Path], most_bytes: int = MOST_TEXT) -> str:
    """The text of a regular file, UTF-8. Raises OSError, and ValueError for other bytes."""
    return read_regular(path, most_bytes).decode("utf-8-sig").replace("\r\n", "\n")


def read_json(path: Union[str, Path]) -> Any:
    """The content of a JSON file. Raises OSError, and ValueError for what is no JSON that a program means.

    That is also nesting without end, and numbers that no machine holds.
    """
    try:
        content = json.loads(read_text(path), parse_int=_whole, parse_float=_finite, parse_constant=_finite)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    refuse_nesting(content)
    return content


def refuse_nesting(content: Any) -> None:
    """Raise ValueError for lists in lists without end, at which printing or copying them would fail."""
    level = [content]
    for _ in range(_DEEPEST):
        level = [inner for outer in level if isinstance(outer, (list, dict))
                 for inner in (outer.values() if isinstance(outer, dict) else outer)]
        if not level:
            return
    raise ValueError(f"it is nested more than {_DEEPEST} deep")


def _finite(text: str) -> float:
    if abs(float(text)) == float("inf") or text == "NaN":
        raise ValueError(f"{text[:20]} is no number that JSON has")
    return float(text)


def _whole(text: str) -> int:
    if len(text) > 20 or not -1 << 63 <= int(text) < 1 << 63:
        raise ValueError(f"the number {text[:20]}... has more than 64 bits")
    return int(text)
