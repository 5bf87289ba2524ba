"""Read a ROS 1 .bag through the index that rosbags parses."""

import os
import struct
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from bisenet_core.drives.bags.compression import decompress
from bisenet_core.drives.bags.storage import ENTRY, Channel, Storage

_MAGIC = b"#ROSBAG V2.0\n"
_CONNECTION, _MESSAGE = b"\x07", b"\x02"  # kinds of records
_LONGEST_HEADER = 4096  # of a chunk


class Ros1Storage(Storage):
    """A ROS 1 .bag, whose messages are found by their chunk and their offset in it."""

    ros1 = True

    def __init__(self, path: Path) -> None:
        super().__init__()
        from rosbags.rosbag1 import ReaderError

        with path.open("rb") as file:
            if file.read(len(_MAGIC)) != _MAGIC:
                raise ValueError("it does not begin as a bag of ROS 1 does")
        self._reader = _bounded_reader(path)
        try:
            self._reader.open()
        except ReaderError as error:
            hint = "if its recording was cut off, `rosbag reindex` mends it"
            raise ValueError(f"{str(error).rstrip('.')}; {hint}") from None
        self._file = os.open(path, os.O_RDONLY)
        self._last_chunk: tuple[int, bytes | memoryview] = (-1, b"")
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
            fields, start, end = _record(chunk, offset)
            if fields.get(b"op") == _MESSAGE:
                return chunk[start:end]
            if fields.get(b"op") != _CONNECTION:
                raise ValueError(f"no message lies at {offset} of the chunk at byte {place}")
            offset = end

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._reader.close()
        self._file = -1

    def _chunk_data(self, place: int) -> bytes | memoryview:
        known, data = self._last_chunk
        if known != place:
            fields, start, end = _record(memoryview(os.pread(self._file, _LONGEST_HEADER, place)), 0)
            size = min(end - start, os.fstat(self._file).st_size)
            packed = os.pread(self._file, size, place + start)
            compression = fields[b"compression"].decode()
            (declared,) = struct.unpack("<I", fields[b"size"])
            data = decompress(packed, "" if compression == "none" else compression, declared)
            self._last_chunk = (place, data)
        return data


def _bounded_reader(path: Path) -> Any:
    """A reader of rosbags that ends where the indexes of a bag repeat: they cannot be larger than it."""
    from rosbags.rosbag1 import Reader, ReaderError

    class BoundedReader(Reader):
        left = path.stat().st_size

        def read_index_data(self, pos: int, indexes: Any) -> None:
            file: Any = self.bio
            start = file.tell()
            super().read_index_data(pos, indexes)
            self.left -= file.tell() - start
            if self.left < 0:
                raise ReaderError("it lists more messages than its bytes can hold")

    return BoundedReader(path)


def _record(data: memoryview, start: int) -> tuple[dict[bytes, bytes], int, int]:
    """Fields of the header of the record at ``start``, and where its data begins and ends."""
    (size,) = struct.unpack_from("<I", data, start)
    at, header_end = start + 4, start + 4 + size
    fields = {}
    while at < header_end:
        (length,) = struct.unpack_from("<I", data, at)
        name, _, value = bytes(data[at + 4 : at + 4 + length]).partition(b"=")
        fields[name] = value
        at += 4 + length
    (size,) = struct.unpack_from("<I", data, header_end)
    return fields, header_end + 4, header_end + 4 + size
