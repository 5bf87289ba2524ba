"""The interface of ground truth for recorded images, and how stamps match it with them."""

from abc import ABC, abstractmethod
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np

from bisenet_core.errors import InputError
from bisenet_core.labels.label_space import UNLABELED, LabelSpace

Stamps = np.ndarray | Sequence[int]


class StampPairs:
    """Pairs of images and labels whose stamps are equal to the nanosecond.

    Of several images with one stamp, as a clock that stands still gives them, the k-th has the k-th label of
    that stamp, if there are as many of both.

    ``images``, ``labels``: nanoseconds, in the order of recording or of names; -1 for one without a stamp.
    """

    def __init__(self, images: Stamps, labels: Stamps) -> None:
        self._stamps = images
        self._images, self._labels = _places(images), _places(labels)

    def find(self, index: int) -> int | None:
        """The label of image ``index``; None for none. Raises InputError where it cannot be told."""
        stamp_ns = int(self._stamps[index])
        labels, images = self._labels.get(stamp_ns, []), self._images.get(stamp_ns, [])
        if not labels:
            return None
        if len(labels) != len(images):
            raise InputError(f"its stamp is on {len(images)} images and {len(labels)} labels")
        return labels[bisect_left(images, index)]

    def notes(self) -> list[str]:
        """Oddities of all labels together: one line each."""
        frames, labels = len(self._stamps), sum(map(len, self._labels.values()))
        shared = self._images.keys() & self._labels.keys()
        pairs = [(len(self._images[stamp]), len(self._labels[stamp])) for stamp in shared]
        unclear = sum(images for images, theirs in pairs if images != theirs)
        unlabelled = frames - sum(images for images, _ in pairs)
        unused = labels - sum(theirs for _, theirs in pairs)
        if labels and not pairs:
            return [f"ground truth: none of its {labels} labels matches a frame; nothing is scored"]
        counted = [
            (unclear, f"{unclear} frames are left out; another number of labels has their stamp"),
            (unused, f"{unused} of its {labels} labels match no frame"),
            (unlabelled, f"{unlabelled} of {frames} frames have none"),
        ]
        return [f"ground truth: {text}" for number, text in counted if number]


def _places(stamps_ns: Stamps) -> dict[int, list[int]]:
    """Stamp -> where it is, ascending."""
    places: dict[int, list[int]] = defaultdict(list)
    for place, stamp in enumerate(map(int, stamps_ns)):
        if stamp >= 0:
            places[stamp].append(place)
    return dict(places)


class Truth(ABC):
    """Ground truth of a drive: finds the labels of each frame.

    Labels of another size than their image are left out, never resized.
    """

    #: The topic it comes from, if it does.
    topic: str | None = None
    #: Whether labels are matched by counting the images before theirs.
    counts = False

    def __init__(self, label_space: LabelSpace) -> None:
        self._space = label_space
        # As in a confusion matrix: neither the data set's own "unlabelled" nor 255 is scored.
        self._normal = np.arange(256, dtype=np.uint8)
        self._normal[label_space.ignore_id] = UNLABELED
        self._pairs = StampPairs([], [])

    @property
    @abstractmethod
    def description(self) -> str:
        """Where it comes from and how it is matched, for people."""

    @abstractmethod
    def match(self, frames: int, stamps_ns: Callable[[], np.ndarray]) -> None:
        """Decide which labels belong to which of so many frames; called once, before ``of``.

        ``stamps_ns``: gives their stamps, int64 ns, -1 for unknown; called only where they are needed.
        Raises InputError where that cannot be decided.
        """

    @abstractmethod
    def _read(self, place: int) -> np.ndarray:
        """HxW uint8: one of the labels as it is stored. Raises InputError where it cannot be read."""

    def notes(self) -> list[str]:
        """Oddities of all labels together: one line each."""
        return self._pairs.notes()

    def close(self) -> None:  # noqa: B027  (most have nothing to close)
        """Close its files."""

    def of(self, index: int, size: tuple[int, ...]) -> tuple[np.ndarray | None, str]:
        """The labels of a frame, HxW uint8 class ids with 255 for unknown, and why they were left out.

        ``size``: the image's height and width. A frame without labels has neither labels nor a reason.
        """
        try:
            place = self._pairs.find(index)
            return (None, "") if place is None else (self._checked(self._read(place), size), "")
        except InputError as error:
            return None, f"ground truth left out: {error}"

    def _checked(self, labels: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
        if labels.shape != size:
            raise InputError(f"it is {labels.shape[1]}x{labels.shape[0]}, its image {size[1]}x{size[0]}")
        normal = self._normal[labels]
        strange = normal[(normal >= self._space.num_classes) & (normal != UNLABELED)]
        if strange.size:
            unknown = " or ".join(str(label) for label in sorted({self._space.ignore_id, UNLABELED}))
            raise InputError(
                f"it holds id {strange.min()}; {self._space.name} has 0 to {self._space.num_classes - 1}, "
                f"and {unknown} for unknown: is it of another label space?"
            )
        return normal
