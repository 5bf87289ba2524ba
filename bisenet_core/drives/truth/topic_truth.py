"""Ground truth from a topic of the bag, matched by the stamps in the headers."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from bisenet_core.drives.bags.bag import Bag
from bisenet_core.drives.bags.image_messages import IMAGE_TYPES, stamps_of
from bisenet_core.drives.truth.label_images import labels_from_message
from bisenet_core.drives.truth.truth import StampPairs, Truth
from bisenet_core.errors import InputError
from bisenet_core.labels.label_space import LabelSpace


class TopicTruth(Truth):
    """Labels recorded as mono8 Image, or as CompressedImage that is a PNG; see StampPairs for how they match.

    Raises InputError where the bag has no such topic.
    """

    def __init__(self, bag: Path, topic: str, label_space: LabelSpace) -> None:
        super().__init__(label_space)
        self.topic = topic
        self._bag = Bag(bag)
        _refuse_other_topics(self._bag, topic)
        self._messages = self._bag.messages(topic, IMAGE_TYPES)
        self._stamps_ns = np.empty(0, np.int64)

    @property
    def description(self) -> str:
        return f"{len(self._messages)} labels on {self.topic}, by stamp"

    def match(self, frames: int, stamps_ns: Callable[[], np.ndarray]) -> None:
        self._stamps_ns = stamps_of(self._messages)
        self._pairs = StampPairs(stamps_ns(), self._stamps_ns)

    def notes(self) -> list[str]:
        unreadable = int((self._stamps_ns < 0).sum())
        notes = [f"ground truth: {unreadable} labels cannot be read"] if unreadable else []
        return notes + super().notes()

    def close(self) -> None:
        self._bag.close()

    def _read(self, place: int) -> np.ndarray:
        return labels_from_message(self._messages.read(place))


def _refuse_other_topics(bag: Bag, topic: str) -> None:
    types = sorted(channel.msgtype for channel in bag.topics if channel.topic == topic)
    if any(kind in IMAGE_TYPES for kind in types):
        return
    found = f"{topic} is {', '.join(types)}" if types else f"{bag.path} has no topic {topic}"
    known = ", ".join(sorted(c.topic for c in bag.topics if c.msgtype in IMAGE_TYPES)) or "none"
    raise InputError(f"{found}; labels are images, mono8 or PNG. Topics of images: {known}")
