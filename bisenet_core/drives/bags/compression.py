"""Decompress what bags compress: chunks, single messages and whole files."""

import shutil
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"


def decompress(data: bytes | memoryview, compression: str) -> bytes | memoryview:
    """A chunk's bytes. ``compression``: "", "lz4" or "zstd". Raises ValueError for others."""
    if compression == "":
        return data
    if compression == "lz4":
        import lz4.frame

        return lz4.frame.decompress(data)
    if compression == "zstd":
        return zstd_module().decompress(data)
    raise ValueError(f"unknown compression '{compression}'; expected lz4 or zstd")


def is_packed(message: bytes | memoryview) -> bool:
    """Whether a message was compressed by itself, as by `ros2 bag record --compression-mode message`.

    CDR never begins as zstd does.
    """
    return message[:4] == _ZSTD_MAGIC


def unpack_message(message: bytes | memoryview) -> bytes | memoryview:
    """A message, unpacked where it ``is_packed``."""
    return decompress(message, "zstd") if is_packed(message) else message


def unpack_file(path: Path) -> IO[bytes]:
    """A storage file that was compressed as a whole, in a temporary file that is gone when it is closed.

    Of one that was cut off, what can be unpacked.
    """
    unpacked = tempfile.NamedTemporaryFile(suffix=path.with_suffix("").suffix)  # noqa: SIM115  (returned)
    ends_early = suppress(EOFError)  # the storage itself tells what it lacks
    with path.open("rb") as packed, zstd_module().open(packed, "rb") as reader, ends_early:
        shutil.copyfileobj(reader, unpacked)
    unpacked.flush()
    return unpacked


def zstd_module() -> Any:
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    return zstd
