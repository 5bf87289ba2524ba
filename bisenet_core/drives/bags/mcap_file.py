"""McapFile: the records of an .mcap file, by their place in it."""

import os
import zlib
from collections.abc import Iterator
from pathlib import Path

from bisenet_core.drives.bags.compression import decompress
from bisenet_core.drives.bags.mcap_records import RECORD_HEADER, Fields

_PREAMBLE = 9 + 28 + 4 + 64 + 8  # a chunk's record up to its data, however its compression is called


class McapFile:
    """Read without a position of its own, by any number of threads; one chunk is kept in memory.

    Raises ValueError or struct.error for what is beyond the file's end or makes no sense.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDONLY)
        self.size = os.fstat(self._file).st_size
        self._last_chunk: tuple[int, bytes | memoryview] = (-1, b"")

    def close(self) -> None:
        """Harmless when repeated."""
        if self._file >= 0:
            os.close(self._file)
        self._file = -1

    def at(self, start: int, size: int) -> bytes:
        """``size`` bytes from ``start`` on."""
        data = self.up_to(start, size)
        if len(data) != size:
            raise ValueError(f"{size} bytes at {start} lie beyond the end of the file")
        return data

    def up_to(self, start: int, size: int) -> bytes:
        """As many of ``size`` bytes from ``start`` on as there are."""
        return os.pread(self._file, max(0, min(size, self.size - start)), start)

    def records(self, start: int) -> Iterator[tuple[int, int, int]]:
        """Opcode, place and content's size of each whole record from ``start`` on."""
        while start + RECORD_HEADER.size <= self.size:
            opcode, size = RECORD_HEADER.unpack(self.at(start, RECORD_HEADER.size))
            end = start + RECORD_HEADER.size + size
            if opcode == 0 or end > self.size:  # zeros are what a crash leaves of bytes not yet written
                return
            yield opcode, start, size
            start = end

    def content(self, start: int) -> memoryview:
        """What the record at ``start`` holds."""
        _, size = RECORD_HEADER.unpack(self.at(start, RECORD_HEADER.size))
        return memoryview(self.at(start + RECORD_HEADER.size, size))

    def chunk(self, start: int) -> memoryview:
        """The records of the chunk at ``start``, unpacked; of one that was cut off, what is there."""
        known, data = self._last_chunk
        if known != start:
            compression, at, size, crc = self._layout(start)
            packed = self.up_to(at, size)
            data = decompress(packed, compression)
            if crc and len(packed) == size and zlib.crc32(data) != crc:
                raise ValueError(f"the chunk at byte {start} does not have its checksum")
            self._last_chunk = (start, data)
        return memoryview(data)

    def plain_chunk(self, start: int) -> int | None:
        """Where the records of the chunk at ``start`` begin; None where they are compressed."""
        compression, at, _, _ = self._layout(start)
        return None if compression else at

    def _layout(self, start: int) -> tuple[str, int, int, int]:
        """Compression; place and size of the data; CRC-32 of the data when unpacked, 0 for none."""
        fields = Fields(self.up_to(start, _PREAMBLE)[RECORD_HEADER.size :])
        _, _, _, crc = (fields.number(code) for code in "QQQI")
        compression = fields.text()
        size = fields.number("Q")
        return compression, start + RECORD_HEADER.size + 28 + 4 + len(compression.encode()) + 8, size, crc


def records_in(chunk: memoryview) -> Iterator[tuple[int, int, int]]:
    """Opcode, and where the content begins and ends, of each whole record."""
    start = 0
    while start + RECORD_HEADER.size <= len(chunk):
        opcode, size = RECORD_HEADER.unpack_from(chunk, start)
        start += RECORD_HEADER.size
        if opcode == 0 or start + size > len(chunk):
            return
        yield opcode, start, start + size
        start += size
