"""Read the records of an .mcap file by their byte offsets; the format is https://mcap.dev/spec.

A record is an opcode, its content's length and the content, all little endian. No length is believed before
it was compared with the bytes that are there; times and places are read as signed numbers, as arrays hold
them.
"""

import os
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bisenet_core.drives.bags.compression import decompress

MAGIC = b"\x89MCAP0\r\n"
FOOTER_BYTES = 9 + 20 + len(MAGIC)

FOOTER, SCHEMA, CHANNEL, MESSAGE, CHUNK, MESSAGE_INDEX, CHUNK_INDEX, DATA_END = 2, 3, 4, 5, 6, 7, 8, 15

#: Opcode and length.
RECORD_HEADER = struct.Struct("<BQ")
#: Channel, sequence, time of recording, time of publication; then the data.
MESSAGE_HEADER = struct.Struct("<HIqQ")
#: First and last time, size when unpacked, CRC-32 of that (0 for none), length of the compression's name.
_CHUNK_HEADER = struct.Struct("<QQQII")

_LONGEST_NAME = 64  # of a compression
_LARGEST_RECORD = 1 << 28  # of those that are read whole; none but chunks and messages come near it


class Record(NamedTuple):
    """A record, and where its content begins and ends."""

    opcode: int
    start: int
    end: int


class McapFile:
    """An open .mcap file, which any number of threads may read; one unpacked chunk is kept in memory.

    Raises ValueError or struct.error for what is beyond the file's end or makes no sense.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDONLY)
        self.size = os.fstat(self._file).st_size
        self._last_chunk: tuple[int, bytes | memoryview] = (-1, b"")

    def close(self) -> None:
        """Close the file. Harmless when repeated."""
        if self._file >= 0:
            os.close(self._file)
        self._file = -1

    def up_to(self, start: int, size: int) -> bytes:
        """As many of ``size`` bytes from ``start`` on as there are."""
        inside = 0 <= start < self.size
        return os.pread(self._file, min(size, self.size - start), start) if inside else b""

    def records(self, start: int) -> Iterator[Record]:
        """Each whole record from ``start`` on."""
        return _whole_records(self.up_to, self.size, start)

    def record(self, start: int) -> Record:
        for record in self.records(start):
            return record
        raise ValueError(f"no whole record lies at byte {start}")

    def content(self, record: Record) -> memoryview:
        size = record.end - record.start
        if size > _LARGEST_RECORD:
            raise ValueError(f"the record at byte {record.start} has {size} bytes, which makes no sense")
        return memoryview(self.up_to(record.start, size))

    def chunk(self, start: int) -> memoryview:
        """The records of the chunk at ``start``, unpacked; of one that was cut off, what is there."""
        known, data = self._last_chunk
        if known != start:
            compression, declared, crc, at, size = self._layout(start)
            packed = self.up_to(at, size)
            data = decompress(packed, compression, declared)
            if crc and len(packed) == size and zlib.crc32(data) != crc:
                raise ValueError(f"the chunk at byte {start} does not have its checksum")
            self._last_chunk = (start, data)
        return memoryview(data)

    def plain_chunk(self, start: int) -> int | None:
        """Where the records of the chunk at ``start`` begin; None where they are compressed."""
        compression, _, _, at, _ = self._layout(start)
        return None if compression else at

    def unpacked_size(self, start: int) -> int:
        """The bytes of the records of the chunk at ``start``."""
        compression, declared, _, _, size = self._layout(start)
        return declared if compression else min(size, self.size)

    def _layout(self, start: int) -> tuple[str, int, int, int, int]:
        """Compression; size and CRC-32 (0 for none) of the data when unpacked; place and size of the data."""
        name = RECORD_HEADER.size + _CHUNK_HEADER.size
        head = self.up_to(start, name + _LONGEST_NAME + 8)
        *_, declared, crc, length = _CHUNK_HEADER.unpack_from(head, RECORD_HEADER.size)
        (size,) = struct.unpack_from("<Q", head, name + length)
        return head[name : name + length].decode(), declared, crc, start + name + length + 8, size


def records_in(chunk: memoryview) -> Iterator[Record]:
    """Each whole record of a chunk that is unpacked."""
    return _whole_records(lambda start, size: chunk[start : start + size], len(chunk), 0)


def parse_chunk_index(content: memoryview) -> tuple[int, dict[int, int]]:
    """A ChunkIndex record -> the chunk's place, and channel -> place of its MessageIndex in this chunk."""
    (start,) = struct.unpack_from("<q", content, 16)
    return start, dict(struct.iter_unpack("<Hq", _block(content, 32)))


def parse_message_index(content: memoryview) -> np.ndarray:
    """A MessageIndex record -> Nx2 int64: time of recording and place in the unpacked chunk."""
    return np.frombuffer(_block(content, 2), "<i8").reshape(-1, 2)


def parse_channel(content: memoryview) -> tuple[int, int, str, str]:
    """A Channel record -> channel id, schema id, topic, encoding of its messages."""
    channel, schema = struct.unpack_from("<HH", content)
    topic = _block(content, 4)
    encoding = _block(content, 4 + 4 + len(topic))
    return channel, schema, bytes(topic).decode(), bytes(encoding).decode()


def parse_schema(content: memoryview) -> tuple[int, str]:
    """A Schema record -> id and name, which is the message type's."""
    (schema,) = struct.unpack_from("<H", content)
    return schema, bytes(_block(content, 2)).decode()


def _block(content: memoryview, at: int) -> memoryview:
    """The bytes that follow their own length at ``at``."""
    (size,) = struct.unpack_from("<I", content, at)
    block = content[at + 4 : at + 4 + size]
    if len(block) != size:
        raise ValueError(f"a field of {size} bytes ends beyond its record of {len(content)}")
    return block


def _whole_records(
    read: Callable[[int, int], bytes | memoryview], end: int, start: int
) -> Iterator[Record]:
    while start + RECORD_HEADER.size <= end:
        opcode, size = RECORD_HEADER.unpack(read(start, RECORD_HEADER.size))
        start += RECORD_HEADER.size
        if opcode == 0 or size > end - start:  # zeros are what a crash leaves of bytes not yet written
            return
        yield Record(opcode, start, start + size)
        start += size
