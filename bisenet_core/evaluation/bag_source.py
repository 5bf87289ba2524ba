"""A ROS 2 bag (.db3, .mcap or a bag folder) or a ROS 1 .bag as a drive, read by rosbags without ROS."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from bisenet_core.compressed_images import decode_compressed
from bisenet_core.errors import InputError
from bisenet_core.evaluation.frame import Frame, Source, uniform_stamp
from bisenet_core.image_encodings import to_rgb, view_image

BAG_SUFFIXES = (".db3", ".mcap", ".bag")

RAW = "sensor_msgs/msg/Image"
COMPRESSED = "sensor_msgs/msg/CompressedImage"

logger = logging.getLogger(__name__)


def is_bag_folder(folder: Path) -> bool:
    """Whether a folder is a ROS 2 bag: it has a metadata.yaml, or nothing but storage files to read."""
    return (folder / "metadata.yaml").is_file() or _lone_storage_file(folder) is not None


class BagSource(Source):
    """The images of one topic of a bag, at the pace of their recorded times.

    ``topic``: which one; by default the only one, or the first by name, said in a log line.
    ``rate``: plays at a steady rate in Hz instead. Raises InputError for a bag that cannot be read, has no
    images, or lacks the topic.
    """

    def __init__(self, path: Path, topic: str | None = None, rate: float | None = None) -> None:
        self._path = path if (path / "metadata.yaml").is_file() else _lone_storage_file(path) or path
        self._steady_rate = rate
        self.name = path.name
        self.folders = (path,) if path.is_dir() else (path.parent,)
        with self._opened() as reader:
            connections = _image_connections(reader, path)
            self.topic = _choose_topic({c.topic for c in connections}, topic, path)
            self._length = sum(c.msgcount for c in connections if c.topic == self.topic)
            seconds = reader.duration / 1e9
        if not self._length:
            raise InputError(f"{path}: no image was recorded on {self.topic}; choose another with --topic")
        self.rate = rate or (self._length / seconds if self._length > 1 and seconds > 0 else None)

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Frame]:
        with self._opened() as reader:
            first_time = None
            for index, (time_ns, message) in enumerate(self._messages(reader)):
                first_time = time_ns if first_time is None else first_time
                stamp = uniform_stamp(index, self._steady_rate) if self._steady_rate else time_ns - first_time
                yield Frame(index, stamp, f"{index:06d}", self._decode(message, index))

    def _messages(self, reader: Any) -> Iterator[tuple[int, Any]]:
        wanted = [c for c in _image_connections(reader, self._path) if c.topic == self.topic]
        for connection, time_ns, data in reader.messages(connections=wanted):
            yield time_ns, reader.deserialize(data, connection.msgtype)

    def _decode(self, message: Any, index: int) -> np.ndarray:
        try:
            if message.__msgtype__ == COMPRESSED:
                return to_rgb(*decode_compressed(message.data, message.format))
            view, order = view_image(
                message.data,
                message.height,
                message.width,
                message.encoding,
                message.step,
                bool(message.is_bigendian),
            )
            return to_rgb(view, order)
        except InputError as error:
            raise InputError(f"{self._path}, {self.topic}, image {index}: {error}") from None

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        try:
            from rosbags.highlevel import AnyReader
            from rosbags.typesys import Stores, get_typestore
        except ImportError:
            raise InputError(f"{self._path} needs rosbags to be read: pip install rosbags") from None
        try:
            # Bags from before ROS 2 Iron do not carry their message definitions.
            with AnyReader([self._path], default_typestore=get_typestore(Stores.LATEST)) as reader:
                yield reader
        except InputError:
            raise
        except Exception as error:  # a damaged bag surfaces as any of sqlite's, struct's or zstd's errors
            raise InputError(
                f"{self._path} cannot be read as a bag: {_first_line(error)}; "
                "if its recording was cut off, try `ros2 bag reindex`"
            ) from error


def _lone_storage_file(folder: Path) -> Path | None:
    # A recorder that was killed leaves its storage file without a metadata.yaml.
    if not folder.is_dir() or (folder / "metadata.yaml").is_file():
        return None
    files = [path for path in folder.iterdir() if path.suffix in (".db3", ".mcap")]
    return files[0] if len(files) == 1 else None


def _image_connections(reader: Any, path: Path) -> list[Any]:
    images = [c for c in reader.connections if c.msgtype in (RAW, COMPRESSED)]
    if not images:
        found = ", ".join(sorted({f"{c.topic} ({c.msgtype})" for c in reader.connections})) or "nothing"
        raise InputError(f"{path} holds no images: expected a topic of {RAW} or {COMPRESSED}, found {found}")
    return images


def _choose_topic(topics: set[str], wanted: str | None, path: Path) -> str:
    known = ", ".join(sorted(topics))
    if wanted is not None and wanted not in topics:
        raise InputError(f"{path} has no images on {wanted}; its image topics: {known}")
    if wanted is None and len(topics) > 1:
        logger.warning(
            "%s: playing %s of its image topics %s; choose another with --topic", path, min(topics), known
        )
    return wanted or min(topics)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
