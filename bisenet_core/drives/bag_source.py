"""A rosbag as a drive, read without ROS."""

import logging
from collections.abc import Iterator
from pathlib import Path

from bisenet_core.drives.frame import Frame, Source, uniform_stamp
from bisenet_core.drives.recording import Recording
from bisenet_core.errors import InputError

logger = logging.getLogger(__name__)


class BagSource(Source):
    """The images of one topic of a bag, at the pace of their recorded times; see ``Recording``.

    What is odd about the bag is logged. ``rate``: plays at a steady rate in Hz instead. Raises InputError for
    a bag that cannot be read, has no images, or lacks the topic.
    """

    def __init__(self, path: Path, topic: str | None = None, rate: float | None = None) -> None:
        self._recording = Recording(path, topic)
        self._steady_rate = rate
        self.name = path.name
        self.folders = (path,) if path.is_dir() else (path.parent,)
        self.topic = self._recording.topic
        self.rate = rate or self._recording.rate_hz
        for note in self._recording.opening_notes:
            logger.warning("%s", note)

    def __len__(self) -> int:
        return len(self._recording)

    def __iter__(self) -> Iterator[Frame]:
        first_ns = int(self._recording.times_ns[0])
        for recorded in self._recording.frames():
            index, path = recorded.index, self._recording.path
            if recorded.image is None:
                raise InputError(f"{path}, {self.topic}, image {index}: {recorded.problem}")
            stamp = (
                uniform_stamp(index, self._steady_rate)
                if self._steady_rate
                else recorded.recorded_ns - first_ns
            )
            yield Frame(index, stamp, f"{index:06d}", recorded.image)
