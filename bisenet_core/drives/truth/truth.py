"""The interface of ground truth for recorded images."""

from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np

from bisenet_core.drives.truth.stamp_pairs import StampPairs
from bisenet_core.errors import InputError
from bisenet_core.labels.label_space import UNLABELED, LabelSpace


class Truth(ABC):
    """Ground truth of a drive: finds the labels of each frame.

    Labels of another size than their image are left out, never resized.
    """

    #: The topic it comes from, if it does.
    topic: str | None = None

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
