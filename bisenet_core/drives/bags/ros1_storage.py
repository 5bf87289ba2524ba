"""Read a ROS 1 .bag through the index that rosbags parses."""

import os
import struct
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from bisenet_core.drives.bags.storage import ENTRY, Channel, Storage

_CONNECTION, _MESSAGE = 7, 2  # kinds of records


class Ros1Storage(Storage):
    """A ROS 1 .bag, whose messages are found by their chunk and their offset in it."""

    ros1 = True

    def __init__(self, path: Path) -> None:
        super().__init__()
        from rosbags.rosbag1 import Reader, ReaderError

        self._reader: Any = Reader(path)
        try:
            self._reader.open()
        except ReaderError as error:
            hint = "if its recording was cut off, `rosbag reindex` mends it"
            raise ValueError(f"{str(error).rstrip('.')}; {hint}") from None
        self._file = os.open(path, os.O_RDONLY)
        self._last_chunk: tuple[int, bytes] = (-1, b"")
        self.channels = {c.id: Channel(c.topic, c.msgtype) for c in self._reader.connections}

    def index(self, channels: Collection[int]) -> np.ndarray:
        rows = [
            (entry.time, channel, entry.chunk_pos, entry.offset)
            for channel in channels
            for entry in self._reader.indexes[channel]
        ]
        return np.array(rows, ENTRY)

    def read(self, place: int, offset: int) -> memoryview:
        chunk = memoryview(self._chunk_data(place))
        while True:
            kind, start, end = _record(chunk, offset)
            if kind == _MESSAGE:
                return chunk[start:end]
            if kind != _CONNECTION:
                raise ValueError(f"no message lies at {offset} of the chunk at byte {place}")
            offset = end

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._reader.close()
        self._file = -1

    def _chunk_data(self, place: int) -> bytes:
        known, data = self._last_chunk
        if known != place:
            chunk = self._reader.chunks[place]
            data = chunk.decompressor(os.pread(self._file, chunk.datasize, chunk.datapos))
            self._last_chunk = (place, data)
        return data


def _record(data: memoryview, start: int) -> tuple[int, int, int]:
    """Kind of the record at ``start``, and where its data begins and ends."""
    (size,) = struct.unpack_from("<I", data, start)
    at, header_end = start + 4, start + 4 + size
    kind = -1
    while at < header_end:
        (length,) = struct.unpack_from("<I", data, at)
        name, _, value = bytes(data[at + 4 : at + 4 + length]).partition(b"=")
        kind = value[0] if name == b"op" else kind
        at += 4 + length
    (size,) = struct.unpack_from("<I", data, header_end)
    return kind, header_end + 4, header_end + 4 + size
