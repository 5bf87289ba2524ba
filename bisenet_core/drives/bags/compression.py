"""Decompress what bags compress (chunks, single messages and whole files), within bounds.

A few hundred bytes can stand for gigabytes. So nothing is unpacked beyond what its file declares, beyond what
a compression of recorded data can come to, or beyond what memory and disk hold.
"""

import bz2
import errno
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_MIB = 1 << 20
#: The most bytes of a chunk or a message: an image of 8192x8192 with four channels, and what is around it.
MOST_UNPACKED = 320 * _MIB
_RATIO = 1000  # of sizes; blank pictures come to more, so it counts beyond these sizes only
_ANY_RATIO, _ANY_RATIO_OF_FILES = 64 * _MIB, 1024 * _MIB
_MOST_FRAMES = 64  # of a compression, one after the other: each costs time, however short
_SPARE = 512 * _MIB  # of the disk with temporary files


def decompress(
    data: bytes | memoryview, compression: str, declared: int = MOST_UNPACKED
) -> bytes | memoryview:
    """A chunk's bytes. ``compression``: "", "lz4", "zstd" or "bz2"; ``declared``: its size when unpacked.

    Raises ValueError for others, for one that is cut off and for one that unpacks to more than it may.
    """
    if compression == "":
        return data
    most = min(declared, MOST_UNPACKED, max(_ANY_RATIO, _RATIO * len(data)))
    frames: list[bytes] = []
    while len(data):
        unpacker = _unpacker(compression)
        frames.append(unpacker.decompress(data, most + 1 - sum(map(len, frames))))
        if sum(map(len, frames)) > most:
            raise ValueError(f"its {compression} unpacks to more than the {most} bytes that it may have")
        if len(frames) > _MOST_FRAMES:
            raise ValueError(f"its {compression} has more than {_MOST_FRAMES} frames")
        if not unpacker.eof:
            raise ValueError(f"its {compression} is cut off")
        data = unpacker.unused_data or b""
    return b"".join(frames)


def _unpacker(compression: str) -> Any:
    if compression == "lz4":
        import lz4.frame

        return lz4.frame.LZ4FrameDecompressor()
    if compression == "zstd":
        return zstd_module().ZstdDecompressor()
    if compression == "bz2":
        return bz2.BZ2Decompressor()
    raise ValueError(f"unknown compression '{compression[:20]}'; expected lz4 or zstd")


def is_packed(message: bytes | memoryview) -> bool:
    """Whether a message was compressed by itself, as by `ros2 bag record --compression-mode message`."""
    return message[:4] == _ZSTD_MAGIC


def unpack_message(message: bytes | memoryview) -> bytes | memoryview:
    """A message, unpacked where it ``is_packed``."""
    return decompress(message, "zstd") if is_packed(message) else message


@contextmanager
def unpack_file(path: Path) -> Iterator[Path]:
    """A storage file that was compressed as a whole, as a temporary file that is gone in the end.

    Of one that was cut off, what can be unpacked. Raises ValueError for one that unpacks to more than any
    recording does, OSError for one that the disk does not hold.
    """
    most = max(_ANY_RATIO_OF_FILES, _RATIO * path.stat().st_size)
    ends_early = suppress(EOFError)  # the storage itself tells what it lacks
    with tempfile.NamedTemporaryFile(suffix=path.with_suffix("").suffix) as unpacked:
        with path.open("rb") as packed, zstd_module().open(packed, "rb") as reader, ends_early:
            for block in iter(lambda: reader.read(1 << 16), b""):
                refuse_without_room(Path(unpacked.name).parent, len(block))
                unpacked.write(block)
                if unpacked.tell() > most:
                    raise ValueError(f"it unpacks to more than {most} bytes, as no recording does")
        unpacked.flush()
        yield Path(unpacked.name)


def refuse_without_room(folder: Path, size: int) -> None:
    """Raise OSError where so many bytes more would fill the disk of ``folder``."""
    if shutil.disk_usage(folder).free < size + _SPARE:
        raise OSError(errno.ENOSPC, f"{os.strerror(errno.ENOSPC)} in {folder} for {size} bytes more")


def zstd_module() -> Any:
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    return zstd
