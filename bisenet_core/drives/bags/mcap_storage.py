"""Read an .mcap file through its index, or record by record where the recording was cut off."""

import struct
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bisenet_core.drives.bags import mcap_file as mcap
from bisenet_core.drives.bags.storage import ENTRY, Channel, Storage
from bisenet_core.errors import reason_of

_UNCHUNKED = -1  # as an offset: the place is the message's own record
_Row = tuple[int, int, int, int]  # the fields of ENTRY

# What listing costs, in bytes of unpacked chunks that take as long, and the most for each byte of the file
# and for any: a few kB could list messages without end, by indexes that repeat or chunks that unpack to more.
_RECORD, _ROW = 64, 1024
_FOR_EACH_BYTE, _FOR_ANY = 64, 1 << 27


class Chunk(NamedTuple):
    """Where a chunk lies in the file."""

    start: int
    """Of its record."""
    indexes: dict[int, int]
    """Channel -> the record that lists its messages in this chunk, by place; empty where none does."""


class McapStorage(Storage):
    """An .mcap file: listed from the summary at its end, or where it has none, from record to record."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._file = mcap.McapFile(path)
        self._schemas: dict[int, str] = {}
        self._chunks: list[Chunk] = []
        self._unchunked: list[_Row] = []
        self._spent = 0
        try:
            self._list()
            self._chunks = list({chunk.start: chunk for chunk in self._chunks}.values())
        except BaseException:
            self.close()
            raise

    def index(self, channels: Collection[int]) -> np.ndarray:
        wanted, self._spent = set(channels), 0
        rows = [row for row in self._unchunked if row[1] in wanted]
        parts = []
        for chunk in self._chunks:
            parts += [self._indexed(chunk, channel) for channel in chunk.indexes.keys() & wanted]
            if not chunk.indexes:
                found = [row for row in self._rows_in(chunk) if row[1] in wanted]
                self._spend(_ROW * len(found))
                rows += found
        parts.append(np.array(rows, np.int64).reshape(-1, 4))
        return np.ascontiguousarray(np.concatenate(parts)).view(ENTRY)[:, 0]

    def read(self, place: int, offset: int) -> memoryview:
        if offset == _UNCHUNKED:
            return self._file.content(self._file.record(place))[mcap.MESSAGE_HEADER.size :]
        chunk = self._file.chunk(place)
        opcode, size = mcap.RECORD_HEADER.unpack_from(chunk, offset)
        if opcode != mcap.MESSAGE:
            raise ValueError(f"no message lies at {offset} of the chunk at byte {place}")
        start = offset + mcap.RECORD_HEADER.size
        return chunk[start + mcap.MESSAGE_HEADER.size : start + size]

    def head(self, place: int, offset: int, size: int) -> bytes | memoryview:
        at: int | None = place
        if offset != _UNCHUNKED:
            records = self._file.plain_chunk(place)
            at = None if records is None else records + offset
        if at is None:
            return super().head(place, offset, size)
        record = self._file.record(at)
        start = record.start + mcap.MESSAGE_HEADER.size
        return self._file.up_to(start, max(0, min(size, record.end - start)))

    def close(self) -> None:
        self._file.close()

    def _list(self) -> None:
        if self._file.up_to(0, len(mcap.MAGIC)) != mcap.MAGIC:
            raise ValueError("it does not begin as an MCAP file does")
        summary = self._summary_start()
        for record in self._file.records(summary) if summary else ():
            self._take(record)
        if not self._chunks:  # no summary, one without an index, or a file that has no chunks
            self._scan()
        for chunk in self._chunks:
            # A file that was cut off, or whose summary repeats no channels, has them in its chunks alone.
            if not chunk.indexes or chunk.indexes.keys() - self.channels.keys():
                self._learn_from(chunk)

    def _summary_start(self) -> int:
        """Where the summary begins; 0 where the file has none."""
        size = self._file.size
        end = self._file.up_to(max(0, size - mcap.FOOTER_BYTES), mcap.FOOTER_BYTES)
        if len(end) < mcap.FOOTER_BYTES or end[-len(mcap.MAGIC) :] != mcap.MAGIC or end[0] != mcap.FOOTER:
            return 0
        (start,) = struct.unpack_from("<Q", end, mcap.RECORD_HEADER.size)
        return start if start < size else 0

    def _scan(self) -> None:
        end = len(mcap.MAGIC)
        for record in self._file.records(end):
            self._take(record)
            self._spend(_RECORD)
            end = record.end
            if record.opcode in (mcap.DATA_END, mcap.FOOTER):
                return
        if self._file.up_to(end, 1) == bytes([mcap.CHUNK]):  # its beginning is good, unless compressed
            self._chunks.append(Chunk(end, {}))
        elif self._chunks:  # the cut may be among its indexes: without them, it is read itself
            self._chunks[-1].indexes.clear()
        self.notes.append(f"was cut off: its records are whole up to byte {end} of {self._file.size}")

    def _take(self, record: mcap.Record) -> None:
        """Note where a record says that messages are, and of what kind."""
        opcode, start = record.opcode, record.start - mcap.RECORD_HEADER.size
        if opcode in (mcap.SCHEMA, mcap.CHANNEL):
            self._learn(opcode, self._file.content(record))
        elif opcode == mcap.CHUNK_INDEX:
            self._chunks.append(Chunk(*mcap.parse_chunk_index(self._file.content(record))))
        elif opcode == mcap.CHUNK:
            self._chunks.append(Chunk(start, {}))
        elif opcode == mcap.MESSAGE_INDEX and self._chunks:
            (channel,) = struct.unpack("<H", self._file.up_to(record.start, 2))
            self._chunks[-1].indexes[channel] = start
        elif opcode == mcap.MESSAGE:
            head = self._file.up_to(record.start, mcap.MESSAGE_HEADER.size)
            channel, _, time, _ = mcap.MESSAGE_HEADER.unpack(head)
            self._unchunked.append((time, channel, start, _UNCHUNKED))

    def _learn(self, opcode: int, content: memoryview) -> None:
        with suppress(struct.error, ValueError):  # a channel that is not known has no messages
            self._take_topic(opcode, content)

    def _take_topic(self, opcode: int, content: memoryview) -> None:
        if opcode == mcap.SCHEMA:
            schema, name = mcap.parse_schema(content)
            self._schemas[schema] = name
            return
        channel, schema, topic, encoding = mcap.parse_channel(content)
        msgtype = self._schemas.get(schema, "of unknown type")
        self.channels[channel] = Channel(topic, msgtype if encoding == "cdr" else f"{msgtype} as {encoding}")

    def _spend(self, cost: int) -> None:
        """Raise ValueError where listing costs more than a file of this size can be worth."""
        self._spent += cost
        if self._spent > _FOR_ANY + _FOR_EACH_BYTE * self._file.size:
            raise ValueError(f"it lists more than its {self._file.size} bytes can hold")

    def _unpacked(self, chunk: Chunk) -> memoryview:
        """A chunk's records; none where it is damaged."""
        with suppress(struct.error, ValueError):  # reading the chunk tells what is wrong with it
            self._spent += self._file.unpacked_size(chunk.start)
        self._spend(_RECORD)
        try:
            return self._file.chunk(chunk.start)
        except Exception as error:  # lz4's, zstd's or our own
            self.gaps.append(f"has a damaged chunk at byte {chunk.start}, left out: {reason_of(error)}")
            return memoryview(b"")

    def _records_in(self, data: memoryview) -> Iterator[mcap.Record]:
        for record in mcap.records_in(data):
            self._spend(_RECORD)
            yield record

    def _learn_from(self, chunk: Chunk) -> None:
        data = self._unpacked(chunk)
        for opcode, start, end in self._records_in(data):
            if opcode in (mcap.SCHEMA, mcap.CHANNEL):
                self._learn(opcode, data[start:end])

    def _indexed(self, chunk: Chunk, channel: int) -> np.ndarray:
        """Nx4 int64: the rows of ENTRY that a chunk's index has of a channel."""
        start = chunk.indexes[channel]
        try:
            pairs = mcap.parse_message_index(self._file.content(self._file.record(start)))
        except (ValueError, struct.error) as error:
            self.gaps.append(f"has a damaged index at byte {start}, whose messages are left out: {error}")
            return np.empty((0, 4), np.int64)
        self._spend(_ROW * len(pairs))
        rows = np.empty((len(pairs), 4), np.int64)
        rows[:] = (0, channel, chunk.start, 0)
        rows[:, (0, 3)] = pairs
        return rows

    def _rows_in(self, chunk: Chunk) -> Iterator[_Row]:
        data = self._unpacked(chunk)
        for opcode, start, _ in self._records_in(data):
            if opcode == mcap.MESSAGE:
                channel, _, time, _ = mcap.MESSAGE_HEADER.unpack_from(data, start)
                yield time, channel, chunk.start, start - mcap.RECORD_HEADER.size
