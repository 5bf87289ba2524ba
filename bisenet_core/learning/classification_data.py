"""Training and validation batches of a recipe for whole images."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from bisenet_core.errors import InputError
from bisenet_core.learning.classification_transforms import central_crop, random_resized_crop
from bisenet_core.learning.data_module import RunData
from bisenet_core.learning.datasets import ClassificationDataset, open_classification
from bisenet_core.learning.recipe import Recipe
from bisenet_core.learning.transforms import normalised

#: Images that a process validates together; they all have the crop's size.
VALIDATION_BATCH = 32


class TrainingImages(Dataset):
    """Random crops, flipped half the time, indexed by (epoch, index) like ``TrainingSamples``.

    A sample is (3xHxW float32 normalised, class index). ``recipe.scale_range`` is the share of the image's
    pixels that a crop has; without one it is the largest that fits.
    """

    def __init__(self, images: ClassificationDataset, recipe: Recipe) -> None:
        self.images, self.recipe = images, recipe
        self.size, self.area = (recipe.crop_width, recipe.crop_height), recipe.scale_range or (1.0, 1.0)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, key: tuple[int, int]) -> tuple[Tensor, int]:
        epoch, index = key
        rng = np.random.default_rng((self.recipe.seed, epoch, index))
        image, class_index = self.images[index]
        crop = random_resized_crop(image, self.size, self.area, rng)
        if rng.random() < 0.5:
            crop = np.ascontiguousarray(crop[:, ::-1])
        return torch.from_numpy(normalised(crop, self.recipe.mean, self.recipe.std)), class_index


class ValidationImages(Dataset):
    """The middle of each image at the crop's size: (3xHxW float32 normalised, class index)."""

    def __init__(self, images: ClassificationDataset, recipe: Recipe) -> None:
        self.images, self.recipe = images, recipe

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image, class_index = self.images[index]
        crop = central_crop(image, (self.recipe.crop_width, self.recipe.crop_height))
        return torch.from_numpy(normalised(crop, self.recipe.mean, self.recipe.std)), class_index


class ClassificationDataModule(RunData):
    """Loads ImageNet below ``root``; ``classes`` are the names of its classes.

    ``InputError`` as of ``RunData`` and ``open_classification``, and for a recipe of another data set.
    """

    def __init__(self, recipe: Recipe, root: Path | str, workers: int = 1) -> None:
        if recipe.dataset != "imagenet":
            raise InputError(
                f"network {recipe.network} is for whole images and dataset is {recipe.dataset!r}; set "
                "dataset to imagenet, or choose a network that labels pixels"
            )
        train = open_classification(root, recipe.train_split)
        self.classes = list(train.classes)
        val = None
        if recipe.val_split:
            val = ValidationImages(open_classification(root, recipe.val_split), recipe)
        super().__init__(recipe, TrainingImages(train, recipe), val, workers)

    def val_dataloader(self) -> DataLoader | list:
        if self.val is None:
            return []
        share = range(self.trainer.global_rank, len(self.val), self.trainer.world_size)
        return DataLoader(self.val, batch_size=VALIDATION_BATCH, sampler=share, **self._loading())
