"""McapStorage: an .mcap file, through its index, or without one where the recording was cut off."""

import struct
from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np

from bisenet_core.drives.bags.mcap_file import McapFile, records_in
from bisenet_core.drives.bags.mcap_records import (
    CHANNEL,
    CHUNK,
    CHUNK_INDEX,
    DATA_END,
    FOOTER,
    FOOTER_BYTES,
    MAGIC,
    MESSAGE,
    MESSAGE_HEADER,
    MESSAGE_INDEX,
    RECORD_HEADER,
    SCHEMA,
    Chunk,
    Fields,
    parse_channel,
    parse_chunk_index,
    parse_schema,
)
from bisenet_core.drives.bags.storage import ENTRY, Channel, Storage

_UNCHUNKED = -1  # as an offset: the place is the message's own record
_Row = tuple[int, int, int, int]  # the fields of ENTRY


class McapStorage(Storage):
    """Listed from the summary at the file's end, or where it has none, by going from record to record.

    Chunks are skipped, not read, unless they alone can tell what is in them.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._file = McapFile(path)
        self._schemas: dict[int, str] = {}
        self._chunks: list[Chunk] = []
        self._unchunked: list[_Row] = []
        try:
            self._list()
        except BaseException:
            self.close()
            raise

    def index(self, channels: Collection[int]) -> np.ndarray:
        parts = [np.array([row for row in self._unchunked if row[1] in channels], ENTRY)]
        for chunk in self._chunks:
            parts += [self._indexed(chunk, c) for c in chunk.indexes.keys() & set(channels)]
            if not chunk.indexes:
                parts.append(np.array([row for row in self._rows_in(chunk) if row[1] in channels], ENTRY))
        return np.concatenate(parts)

    def read(self, place: int, offset: int) -> memoryview:
        if offset == _UNCHUNKED:
            return self._file.content(place)[MESSAGE_HEADER.size :]
        chunk = self._file.chunk(place)
        _, size = RECORD_HEADER.unpack_from(chunk, offset)
        start = offset + RECORD_HEADER.size
        return chunk[start + MESSAGE_HEADER.size : start + size]

    def head(self, place: int, offset: int, size: int) -> bytes | memoryview:
        record: int | None = place
        if offset != _UNCHUNKED:
            records = self._file.plain_chunk(place)
            record = None if records is None else records + offset
        if record is None:
            return super().head(place, offset, size)
        _, length = RECORD_HEADER.unpack(self._file.at(record, RECORD_HEADER.size))
        start = record + RECORD_HEADER.size
        return self._file.up_to(start + MESSAGE_HEADER.size, min(size, length - MESSAGE_HEADER.size))

    def close(self) -> None:
        self._file.close()

    def _list(self) -> None:
        if self._file.up_to(0, len(MAGIC)) != MAGIC:
            raise ValueError("it does not begin as an MCAP file does")
        summary = self._summary_start()
        for opcode, start, _ in self._file.records(summary) if summary else ():
            self._take(opcode, start)
        if not self._chunks:  # no summary, one without an index, or a file that has no chunks
            self._scan()
        for chunk in self._chunks:
            # A file that was cut off, or whose summary repeats no channels, has them in its chunks alone.
            if not chunk.indexes or chunk.indexes.keys() - self.channels.keys():
                self._learn_from(chunk)

    def _summary_start(self) -> int:
        """Where the summary begins; 0 where the file has none."""
        size = self._file.size
        end = self._file.up_to(max(0, size - FOOTER_BYTES), FOOTER_BYTES)
        if len(end) < FOOTER_BYTES or end[-len(MAGIC) :] != MAGIC or end[0] != FOOTER:
            return 0
        (start,) = struct.unpack_from("<Q", end, RECORD_HEADER.size)
        return start if start < size else 0

    def _scan(self) -> None:
        end = len(MAGIC)
        for opcode, start, size in self._file.records(end):
            self._take(opcode, start)
            end = start + RECORD_HEADER.size + size
            if opcode in (DATA_END, FOOTER):
                return
        if self._file.up_to(end, 1) == bytes([CHUNK]):  # where it is not compressed, its beginning is good
            self._chunks.append(Chunk(end, {}))
        elif self._chunks:  # the cut may be among its indexes: without them, it is read itself
            self._chunks[-1].indexes.clear()
        self.notes.append(f"was cut off: its records are whole up to byte {end} of {self._file.size}")

    def _take(self, opcode: int, start: int) -> None:
        """Keep what a record tells of where messages are, and of what kind."""
        content = start + RECORD_HEADER.size
        if opcode in (SCHEMA, CHANNEL):
            self._learn(opcode, self._file.content(start))
        elif opcode == CHUNK_INDEX:
            self._chunks.append(parse_chunk_index(self._file.content(start)))
        elif opcode == CHUNK:
            self._chunks.append(Chunk(start, {}))
        elif opcode == MESSAGE_INDEX and self._chunks:
            (channel,) = struct.unpack("<H", self._file.at(content, 2))
            self._chunks[-1].indexes[channel] = start
        elif opcode == MESSAGE:
            channel, _, time, _ = MESSAGE_HEADER.unpack(self._file.at(content, MESSAGE_HEADER.size))
            self._unchunked.append((time, channel, start, _UNCHUNKED))

    def _learn(self, opcode: int, content: memoryview) -> None:
        if opcode == SCHEMA:
            schema, name = parse_schema(content)
            self._schemas[schema] = name
            return
        channel, schema, topic, encoding = parse_channel(content)
        msgtype = self._schemas.get(schema, "of unknown type")
        self.channels[channel] = Channel(topic, msgtype if encoding == "cdr" else f"{msgtype} as {encoding}")

    def _learn_from(self, chunk: Chunk) -> None:
        try:
            data = self._file.chunk(chunk.start)
            for opcode, start, end in records_in(data):
                if opcode in (SCHEMA, CHANNEL):
                    self._learn(opcode, data[start:end])
        except Exception as error:  # lz4's, zstd's or our own
            self.notes.append(f"has a damaged chunk at byte {chunk.start}, left out: {error}")

    def _indexed(self, chunk: Chunk, channel: int) -> np.ndarray:
        start = chunk.indexes[channel]
        try:
            fields = Fields(self._file.content(start))
            fields.number("H")
            pairs = np.frombuffer(fields.block(), "<u8").reshape(-1, 2)
        except (ValueError, struct.error) as error:
            self.notes.append(f"has a damaged index at byte {start}, whose messages are left out: {error}")
            return np.empty(0, ENTRY)
        entries = np.empty(len(pairs), ENTRY)
        entries["time"], entries["offset"] = pairs.T.astype(np.int64)
        entries["channel"], entries["place"] = channel, chunk.start
        return entries

    def _rows_in(self, chunk: Chunk) -> Iterator[_Row]:
        try:
            data = self._file.chunk(chunk.start)
        except Exception:  # it was noted when its channels were looked for
            return
        for opcode, start, _ in records_in(data):
            if opcode == MESSAGE:
                channel, _, time, _ = MESSAGE_HEADER.unpack_from(data, start)
                yield time, channel, chunk.start, start - RECORD_HEADER.size
