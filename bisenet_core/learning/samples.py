"""Samples of a recipe: training images augmented, validation images whole."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from torch import Tensor
from torch.utils.data import Dataset

from bisenet_core.errors import InputError
from bisenet_core.labels.label_space import UNLABELED
from bisenet_core.learning.datasets import SegmentationDataset
from bisenet_core.learning.datasets.image_file import IMAGE_ENDINGS, read_image
from bisenet_core.learning.datasets.layouts import files_below
from bisenet_core.learning.mixing import half_of_classes, paste, rectangle
from bisenet_core.learning.recipe import Recipe
from bisenet_core.learning.soft_labels import SoftLabels
from bisenet_core.learning.transforms import Augmentation, padded, to_tensors

#: (epoch, index) of a training sample.
Key = tuple[int, int]
#: Pixels that each side of an image needs in a network.
SMALLEST = 32


class UnlabelledImages:
    """All images below ``folders``, sorted within each. ``InputError`` for a folder that holds none."""

    def __init__(self, folders: Sequence[str]) -> None:
        self._files = [(Path(folder), name) for folder in folders for name in _images_below(Path(folder))]

    def __len__(self) -> int:
        return len(self._files)

    def name(self, index: int) -> str:
        """Below its folder."""
        return self._files[index][1]

    def image_path(self, index: int) -> Path:
        """The image's file."""
        return Path(*self._files[index])

    def image(self, index: int) -> np.ndarray:
        """HxWx3 uint8 RGB."""
        return read_image(self.image_path(index))


def _images_below(folder: Path) -> list[str]:
    names = [name for name in files_below(folder) if name.lower().endswith(IMAGE_ENDINGS)]
    if not names:
        expected = " or *".join(IMAGE_ENDINGS)
        raise InputError(f"unlabelled folder {folder} holds no images; expected *{expected}")
    return names


class TrainingSamples(Dataset):
    """Augmented samples, indexed by (epoch, index): those of ``pairs``, then ``unlabelled`` images.

    With a teacher's ``soft`` labels a sample is image, labels and Kxhxw of those. They also give images
    without labels the class that is likeliest.
    """

    def __init__(
        self, pairs: SegmentationDataset, recipe: Recipe, unlabelled: UnlabelledImages | None = None
    ) -> None:
        self.pairs, self.recipe, self.unlabelled = pairs, recipe, unlabelled or UnlabelledImages(())
        self.augment = Augmentation.of(recipe)
        self.soft: SoftLabels | None = None

    def __len__(self) -> int:
        return len(self.pairs) + len(self.unlabelled)

    def __getitem__(self, key: Key) -> tuple[Tensor, ...]:
        epoch, index = key
        rng = np.random.default_rng((self.recipe.seed, epoch, index))
        sample = self._sample(index, rng)
        for share, region in ((self.recipe.cutmix, rectangle), (self.recipe.classmix, half_of_classes)):
            if share and rng.random() < share:
                other = self._sample(int(rng.integers(len(self))), rng)
                paste(sample, other, region(other[1], rng))
        return sample

    def _sample(self, index: int, rng: np.random.Generator) -> tuple[Tensor, ...]:
        image, labels = self._pair(index)
        seen, seen_labels, view = self.augment.sample(image, labels, rng)
        tensors = to_tensors(seen, seen_labels, self.recipe.mean, self.recipe.std)
        return tensors if self.soft is None else (*tensors, self.soft.seen(index, labels.shape, view))

    def _pair(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        if index < len(self.pairs):
            return self.pairs[index]
        image = self.image(index)
        if self.soft is None:
            return image, np.full(image.shape[:2], UNLABELED, np.uint8)
        return image, self.soft.likeliest(index, image.shape[:2])

    def name(self, index: int) -> str:
        count = len(self.pairs)
        return self.pairs.name(index) if index < count else self.unlabelled.name(index - count)

    def image_path(self, index: int) -> Path:
        """The image's file."""
        count = len(self.pairs)
        return self.pairs.image_path(index) if index < count else self.unlabelled.image_path(index - count)

    def image(self, index: int) -> np.ndarray:
        """HxWx3 uint8 RGB, without a look at labels."""
        count = len(self.pairs)
        return self.pairs.image(index) if index < count else self.unlabelled.image(index - count)


class ValidationSamples(Dataset):
    """Whole images at their own size, and their indices.

    An image smaller than networks take, of which a warning tells, is padded with what is not scored.
    """

    def __init__(self, pairs: SegmentationDataset, recipe: Recipe) -> None:
        self.pairs, self.recipe = pairs, recipe

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, int]:
        image, labels = to_tensors(*self.pairs[index], self.recipe.mean, self.recipe.std)
        if min(labels.shape) < SMALLEST and self.recipe.eval_size is None:
            logging.getLogger(__name__).warning(
                "%s is %dx%d pixels, less than the %d that networks take; it is padded for validation",
                self.pairs.image_path(index), *labels.shape[::-1], SMALLEST,
            )  # fmt: skip
            image, labels = padded(image, labels, SMALLEST)
        return image, labels, index
