"""Recording: the images of one topic of a bag, any range of them, the same every time."""

import os
import time
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from bisenet_core.drives.bags.bag import Bag, Message
from bisenet_core.drives.bags.image_messages import (
    COMPRESSED,
    IMAGE_TYPES,
    RAW,
    Header,
    decode_image,
    header_of,
    stamp_of,
    stamps_of,
)
from bisenet_core.drives.recorded_frame import RecordedFrame
from bisenet_core.drives.stream_notes import recorded_notes, stamp_notes
from bisenet_core.drives.truth.truth import Truth
from bisenet_core.errors import InputError


class Recording:
    """Opening reads the bag's index, and the stamps where ground truth is matched by them; frames are read
    one by one from where they lie.

    ``topic``: by default the only image topic beside that of labels, or the first by name. ``truth``: gives
    the frames their ground truth. Raises InputError for a bag that cannot be read, has no images, or lacks
    the topic.
    """

    def __init__(self, path: Path, topic: str | None = None, truth: Truth | None = None) -> None:
        self.path = path
        self.name = Path(os.path.abspath(path)).name  # "." has none; a link keeps its own
        self.truth = truth
        self._bag = Bag(path)
        self._topic_notes: list[str] = []
        try:
            self.topic = self._choose_topic(topic)
            self._messages = self._bag.messages(self.topic, IMAGE_TYPES)
            if not len(self):
                raise InputError(self._nothing_to_read())
            if truth is not None:
                truth.match(len(self), lambda: self.stamps_ns)
        except BaseException:
            self.close()
            raise

    def __len__(self) -> int:
        return len(self._messages)

    @property
    def times_ns(self) -> np.ndarray:
        """int64: when each image was recorded, nanoseconds; never decreasing."""
        return self._messages.times_ns

    @property
    def rate_hz(self) -> float | None:
        """Mean rate of recording; None where it cannot be known."""
        seconds = float(self.times_ns[-1] - self.times_ns[0]) / 1e9
        return (len(self) - 1) / seconds if seconds > 0 else None

    @cached_property
    def stamps_ns(self) -> np.ndarray:
        """int64: each image's header stamp, nanoseconds; -1 where its header cannot be read.

        Takes a short read of every message, and where the bag is compressed, or of ROS 1, all of it.
        """
        return stamps_of(self._messages)

    def stamp_ns(self, index: int) -> int:
        """One of ``stamps_ns``, without reading the others."""
        return stamp_of(self._messages, index)

    @property
    def opening_notes(self) -> list[str]:
        """What is odd about the whole, as far as opening it told: one line each."""
        return [*self._bag.notes, *self._topic_notes, *recorded_notes(self.times_ns)]

    @property
    def notes(self) -> list[str]:
        """All that is odd about the whole, of the stamps and of the ground truth too; see ``stamps_ns``.

        Sizes that change are known when the frames have been read: see ``stream_notes.size_notes``.
        """
        truth = self.truth.notes(self.stamps_ns) if self.truth else []
        return [*self.opening_notes, *stamp_notes(self.stamps_ns), *truth]

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[RecordedFrame]:
        """The frames [start, stop), in order; nothing before ``start`` is read.

        One that cannot be read keeps its place, with the reason.
        """
        for index in range(*slice(start, stop).indices(len(self))):
            yield self._frame(index)

    def close(self) -> None:
        """Close the bag's files, and the ground truth's."""
        self._bag.close()
        if self.truth is not None:
            self.truth.close()

    def __enter__(self) -> "Recording":
        return self

    def __exit__(self, *exception: Any) -> None:
        self.close()

    def _frame(self, index: int) -> RecordedFrame:
        started = time.perf_counter()
        recorded = int(self.times_ns[index])
        header, image, problem = Header(recorded, ""), None, ""  # all that is known where no header is
        try:
            message = self._read(index)
            header = header_of(message)
            image = decode_image(message)
        except InputError as error:
            problem = str(error)
        decode_ms = 1e3 * (time.perf_counter() - started)
        truth = None
        if image is not None and self.truth is not None:
            truth, problem = self.truth.of(index, header.stamp_ns, image.shape[:2])
        return RecordedFrame(index, recorded, *header, image, truth, problem, decode_ms)

    def _nothing_to_read(self) -> str:
        damage = "; ".join(self._bag.notes)
        if damage:
            return f"{self.path} cannot be read as a bag: no image is left on {self.topic}; {damage}"
        return f"{self.path}: no image was recorded on {self.topic}; choose another with --topic"

    def _read(self, index: int) -> Message:
        try:
            return self._messages.read(index)
        except Exception as error:  # sqlite's, zstd's, struct's: whatever a damaged file comes to
            raise InputError(f"it cannot be read from the bag: {' '.join(str(error).split())}") from None

    def _choose_topic(self, wanted: str | None) -> str:
        labels = self.truth.topic if self.truth else None  # images too, but never by default those to label
        topics = sorted({c.topic for c in self._bag.topics if c.msgtype in IMAGE_TYPES} - {labels})
        if wanted is not None and wanted == labels:
            raise InputError(
                f"{wanted} is the label topic and cannot be the image topic too; "
                f"image topics of {self.path}: {', '.join(topics) or 'none'}"
            )
        if wanted is not None and wanted not in topics:
            found = ", ".join(sorted(c.msgtype for c in self._bag.topics if c.topic == wanted))
            kind = f"has no images on {wanted}" + (f", which is {found}" if found else "")
            raise InputError(f"{self.path} {kind}; its image topics: {', '.join(topics) or 'none'}")
        if not topics:
            found = ", ".join(sorted(f"{c.topic} ({c.msgtype})" for c in self._bag.topics)) or "nothing"
            raise InputError(
                f"{self.path} holds no images: expected a topic of {RAW} or {COMPRESSED}, found {found}"
            )
        if wanted is None and len(topics) > 1:
            self._topic_notes.append(
                f"{self.path}: playing {topics[0]} of its image topics {', '.join(topics)}; "
                "choose another with --topic"
            )
        return wanted or topics[0]
