"""Records of the MCAP format: https://mcap.dev/spec. Little endian; opcode, length, content."""

import struct
from typing import NamedTuple

MAGIC = b"\x89MCAP0\r\n"
FOOTER_BYTES = 9 + 20 + len(MAGIC)

FOOTER, SCHEMA, CHANNEL, MESSAGE, CHUNK, MESSAGE_INDEX, CHUNK_INDEX, DATA_END = 2, 3, 4, 5, 6, 7, 8, 15

#: Opcode and length.
RECORD_HEADER = struct.Struct("<BQ")
#: Channel, sequence, time of recording, time of publication; then the data.
MESSAGE_HEADER = struct.Struct("<HIQQ")


class Fields:
    """A record's content, read field by field. Raises ValueError or struct.error where it ends too early."""

    def __init__(self, content: bytes | memoryview) -> None:
        self._content = memoryview(content)
        self._at = 0

    def number(self, code: str) -> int:
        """One integer of a ``struct`` code: H, I or Q."""
        (value,) = struct.unpack_from("<" + code, self._content, self._at)
        self._at += struct.calcsize("<" + code)
        return value

    def block(self, code: str = "I") -> memoryview:
        """Bytes behind their own length."""
        size = self.number(code)
        start, self._at = self._at, self._at + size
        if self._at > len(self._content):
            raise ValueError(f"a field of {size} bytes ends beyond its record of {len(self._content)}")
        return self._content[start : self._at]

    def text(self) -> str:
        """UTF-8 behind its length."""
        return bytes(self.block()).decode()


class Chunk(NamedTuple):
    """Where a chunk lies in the file."""

    start: int
    """Of its record."""
    indexes: dict[int, int]
    """Channel -> the record that lists its messages in this chunk, by place; empty where none does."""


def parse_chunk_index(content: bytes | memoryview) -> Chunk:
    """A ChunkIndex record's content."""
    fields = Fields(content)
    _, _, start, _ = (fields.number("Q") for _ in range(4))
    return Chunk(start, dict(struct.iter_unpack("<HQ", fields.block())))


def parse_channel(content: bytes | memoryview) -> tuple[int, int, str, str]:
    """A Channel record's content -> channel id, schema id, topic, encoding of its messages."""
    fields = Fields(content)
    return fields.number("H"), fields.number("H"), fields.text(), fields.text()


def parse_schema(content: bytes | memoryview) -> tuple[int, str]:
    """A Schema record's content -> id and name, which is the message type's."""
    fields = Fields(content)
    return fields.number("H"), fields.text()
