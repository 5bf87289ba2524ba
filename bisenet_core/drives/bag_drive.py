"""A drive from the images of one topic of a bag."""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from bisenet_core.drives.bags.bag import Bag, Messages
from bisenet_core.drives.bags.image_messages import (
    COMPRESSED,
    IMAGE_TYPES,
    RAW,
    Header,
    decode_image,
    deserialise,
    doubts_of,
    header_of,
    stamp_of,
    stamps_of,
    view_message,
)
from bisenet_core.drives.drive import Drive, Frame, steady_ns
from bisenet_core.drives.truth.truth import Truth
from bisenet_core.errors import InputError
from bisenet_core.images.encodings import SAMPLE_BITS

CAMERA_INFO = "sensor_msgs/msg/CameraInfo"
_LOOKED_AT = 3  # images of a topic, to see whether it holds pictures: the first may be damaged


class BagDrive(Drive):
    """The images of one topic of a bag, in the order of recording; any range is the same every time.

    ``topic``: by default the only image topic beside that of labels, or the first by name whose images can be
    read. ``truth``: gives the frames their ground truth. ``rate_hz``: plays at a steady rate instead of the
    recorded times. ``significant_bits``: that the camera uses of 16-bit samples, 8 to 16. Raises InputError
    for a bag that cannot be read, has no images, or lacks the topic.
    """

    def __init__(
        self, path: Path, topic: str | None = None, truth: Truth | None = None, rate_hz: float | None = None,
        significant_bits: int = SAMPLE_BITS
    ) -> None:
        self.path = path
        self.name = Path(os.path.abspath(path)).name  # "." has none; a link keeps its own
        self.folders = (path,) if path.is_dir() else (path.parent,)
        self.truth = truth
        self.significant_bits = significant_bits
        self._bag = Bag(path)
        self.closed = False
        self._topic_notes: list[str] = []
        try:
            self.topic = self._choose_topic(topic)
            self._messages = self._bag.messages(self.topic, IMAGE_TYPES)
            if not len(self):
                raise InputError(self._nothing_to_read())
            if truth is not None:
                truth.match(len(self), lambda: self.stamps_ns)
                self._refuse_uncountable(truth)
        except BaseException:
            self.close()
            raise
        self.has_truth = truth is not None
        self._doubts = self._first_doubts()
        self._time_notes = _time_notes(self._messages.times_ns)
        self.times_ns = self._messages.times_ns
        """int64: when each image was recorded, nanoseconds; never decreasing."""
        if rate_hz:
            self.times_ns = np.array([steady_ns(index, rate_hz) for index in range(len(self))])
        seconds = float(self.times_ns[-1] - self.times_ns[0]) / 1e9
        self.rate_hz = rate_hz or ((len(self) - 1) / seconds if seconds > 0 else None)

    def __len__(self) -> int:
        return len(self._messages)

    @cached_property
    def stamps_ns(self) -> np.ndarray:
        """int64: each image's header stamp, nanoseconds; -1 where its header cannot be read."""
        return stamps_of(self._messages)

    def stamp_ns(self, index: int) -> int:
        """One of ``stamps_ns``, without reading the others."""
        return stamp_of(self._messages, index)

    @property
    def opening_notes(self) -> list[str]:
        """Oddities of the whole drive that opening it showed: one line each."""
        return [*self._bag.notes, *self._topic_notes, *self._time_notes, *self._doubts]

    @property
    def lost(self) -> list[str]:
        """Of them those by which images of the drive are missing."""
        return self._bag.lost

    def notes(
        self, stamps_ns: np.ndarray | None = None, sizes: Sequence[tuple[int, int]] = ()
    ) -> list[str]:
        """All oddities of the whole drive, those of stamps and ground truth included: one line each.

        ``stamps_ns``: where they are known already. ``sizes``: (width, height) of the frames that were read,
        (0, 0) for those that could not be.
        """
        stamps_ns = self.stamps_ns if stamps_ns is None else stamps_ns
        truth = self.truth.notes() if self.truth else []
        return [*self.opening_notes, *_stamp_notes(stamps_ns), *_size_notes(sizes), *truth]

    def camera_info(self) -> SimpleNamespace:
        """The fields, in lower case, of the first sensor_msgs/CameraInfo on the topic beside the images'.

        Raises InputError, without the bag's name, where there is none that can be read.
        """
        topic = self.topic.removesuffix("/compressed").rpartition("/")[0] + "/camera_info"
        messages = self._bag.messages(topic, [CAMERA_INFO])
        if not len(messages):
            found = ", ".join(sorted(c.topic for c in self._bag.topics if c.msgtype == CAMERA_INFO))
            raise InputError(f"there is none on {topic}, for images on {self.topic}; "
                             f"topics of that type: {found or 'none'}")
        fields = vars(deserialise(messages.read(0)))  # ROS 1 has K, D and P where ROS 2 has k, d and p
        return SimpleNamespace(**{name.lower(): value for name, value in fields.items()})

    def frames(
        self, start: int = 0, stop: int | None = None, with_truth: bool = True
    ) -> Iterator[Frame]:
        """The frames [start, stop) in order; nothing before ``start`` is read."""
        truth = self.truth if with_truth else None
        for index in range(*slice(start, stop).indices(len(self))):
            yield self._frame(index, truth)

    def explain(self, frame: Frame) -> str:
        return f"{self.path}, {self.topic}, image {frame.index}: {frame.problem}"

    def close(self) -> None:
        """Close the bag's files, and the ground truth's."""
        self.closed = True
        self._bag.close()
        if self.truth is not None:
            self.truth.close()

    def _frame(self, index: int, labels: Truth | None) -> Frame:
        started = time.perf_counter()
        recorded = int(self.times_ns[index])
        header, image, problem = Header(recorded, ""), None, ""  # all that is known where no header is
        try:
            message = self._messages.read(index)
            header = header_of(message)
            image = decode_image(message, self.significant_bits)
        except InputError as error:
            problem = str(error)
        decode_ms = 1e3 * (time.perf_counter() - started)
        truth = None
        if image is not None and labels is not None:
            truth, problem = labels.of(index, image.shape[:2])
        return Frame(index, f"{index:06d}", recorded, *header, image, truth, problem, decode_ms)

    def _first_doubts(self) -> list[str]:
        """Why the images may be read wrongly, by the first that can be read."""
        for index in range(min(len(self), _LOOKED_AT)):
            try:
                doubts = doubts_of(self._messages.read(index), self.significant_bits)
            except InputError:
                continue
            return [f"{self.topic} may be read wrongly: of image {index}, {one.text}" for one in doubts]
        return []

    def _refuse_uncountable(self, truth: Truth) -> None:
        """Raise InputError where labels are found by counting images and some of these are missing."""
        if truth.counts and self._bag.gaps:
            raise InputError(f"{self.path}: {self._bag.gaps[0]}; so the numbers of the labels say nothing: "
                             "name each by its image's stamp in nanoseconds")

    def _nothing_to_read(self) -> str:
        damage = "; ".join(self._bag.notes)
        if damage:
            return f"{self.path} cannot be read as a bag: no image is left on {self.topic}; {damage}"
        return f"{self.path}: no image was recorded on {self.topic}; choose another with --topic"

    def _choose_topic(self, wanted: str | None) -> str:
        labels = self.truth.topic if self.truth else None  # images too, but never by default those to label
        topics = sorted({c.topic for c in self._bag.topics if c.msgtype in IMAGE_TYPES} - {labels})
        if wanted is not None and wanted == labels:
            raise InputError(f"{wanted} is the label topic and cannot be the image topic too; "
                             f"image topics of {self.path}: {', '.join(topics) or 'none'}")
        if wanted is not None and wanted not in topics:
            found = ", ".join(sorted(c.msgtype for c in self._bag.topics if c.topic == wanted))
            kind = f"has no images on {wanted}" + (f", which is {found}" if found else "")
            raise InputError(f"{self.path} {kind}; its image topics: {', '.join(topics) or 'none'}")
        if not topics:
            found = ", ".join(sorted(f"{c.topic} ({c.msgtype})" for c in self._bag.topics)) or "nothing"
            raise InputError(
                f"{self.path} holds no images: expected a topic of {RAW} or {COMPRESSED}, found {found}"
            )
        if wanted is not None or len(topics) == 1:
            return wanted or topics[0]
        readable = (one for one in topics if _hold_pictures(self._bag.messages(one, IMAGE_TYPES)))
        chosen = next(readable, topics[0])
        self._topic_notes.append(f"{self.path}: playing {chosen} of its image topics {', '.join(topics)}; "
                                 "choose another with --topic")
        return chosen


def _hold_pictures(messages: Messages) -> bool:
    """Whether one of the first images can be read; a depth camera's cannot."""
    for index in range(min(len(messages), _LOOKED_AT)):
        with suppress(InputError):
            view_message(messages.read(index))
            return True
    return False


def _time_notes(times_ns: np.ndarray) -> list[str]:
    """What is odd about times of recording, int64 ns, ascending."""
    repeated = int(np.count_nonzero(np.diff(times_ns) == 0))
    return [f"{repeated} images were recorded at the same time as the one before"] if repeated else []


def _stamp_notes(stamps_ns: np.ndarray) -> list[str]:
    """What is odd about header stamps, int64 ns, in the order of recording; -1 for those without one."""
    known = stamps_ns[stamps_ns >= 0]
    backwards = np.flatnonzero(np.diff(known) < 0)
    repeated = len(known) - len(np.unique(known))
    notes = []
    if len(backwards):
        widest = float(-np.diff(known).min()) / 1e9
        notes.append(f"{len(backwards)} stamps lie before the one before them, by up to {widest:.3f} s")
    if repeated:
        notes.append(f"{repeated} images repeat another's stamp")
    if len(known) < len(stamps_ns):
        notes.append(f"{len(stamps_ns) - len(known)} images have no readable header")
    return notes


def _size_notes(sizes: Sequence[tuple[int, int]]) -> list[str]:
    known = list(dict.fromkeys(size for size in sizes if size != (0, 0)))
    if len(known) < 2:
        return []
    return [f"the images' size changes: {', '.join(f'{width}x{height}' for width, height in known[:8])}"]
