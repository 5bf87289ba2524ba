"""SegmentationDataset: the images of a split and their labels, whatever folders and ids they lie in."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bisenet_core.errors import InputError
from bisenet_core.images.orientation import asks_for_turn
from bisenet_core.labels.label_space import LabelSpace
from bisenet_core.learning.datasets.image_file import read_bytes, read_image
from bisenet_core.learning.datasets.label_coding import LabelCoding


class Pair(NamedTuple):
    """An image and its label file; text, since a data set may have a hundred thousand of them."""

    name: str
    image: str
    label: str


class SplitFiles(NamedTuple):
    """What a split has on disk. ``unpaired``: a line for each file whose other half is missing."""

    pairs: Sequence[Pair]
    coding: LabelCoding
    unpaired: Sequence[str] = ()


class SegmentationDataset:
    """Images and labels of a split.

    Indexing gives (image HxWx3 uint8 RGB, labels HxW uint8), where labels are ids of ``label_space`` and
    ``UNLABELED`` where there is none. It raises InputError, which names the file, where one cannot be read
    whole, the two differ in size, or the labels hold a value that the data set does not have.
    """

    def __init__(self, label_space: LabelSpace, files: SplitFiles) -> None:
        self.label_space, self.files = label_space, files
        self.class_names = label_space.classes
        self.unpaired = files.unpaired
        """A line for each file whose other half is missing; of a data set opened for use, none."""

    def __len__(self) -> int:
        return len(self.files.pairs)

    def labels(self, index: int) -> np.ndarray:
        """HxW uint8, without a look at the image."""
        return self.files.coding.read(self.label_path(index))

    def image(self, index: int) -> np.ndarray:
        """HxWx3 uint8 RGB, without a look at the labels."""
        return read_image(self.image_path(index))

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        image, labels = self.image(index), self.labels(index)
        if labels.shape != image.shape[:2]:
            raise InputError(
                f"{self.label_path(index)} is {_size(labels)} pixels, its image {self.image_path(index)} is "
                f"{_size(image)}; expected equal sizes{self._why_sizes_differ(index)}"
            )
        return image, labels

    def _why_sizes_differ(self, index: int) -> str:
        path = self.image_path(index)
        if not asks_for_turn(read_bytes(path)):
            return ""
        return f": the image has an orientation tag (EXIF); `mogrify -auto-orient {path}` stores it turned"

    def name(self, index: int) -> str:
        """What the image is called, below its split's folder and without ending; unique in the data set."""
        return self.files.pairs[index].name

    def image_path(self, index: int) -> Path:
        """The image's file."""
        return Path(self.files.pairs[index].image)

    def label_path(self, index: int) -> Path:
        """The file of the image's labels."""
        return Path(self.files.pairs[index].label)


def _size(image: np.ndarray) -> str:
    return f"{image.shape[1]}x{image.shape[0]}"
