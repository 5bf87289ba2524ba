"""Training and validation batches of a recipe."""

from collections.abc import Iterator
from pathlib import Path

import lightning
import numpy as np
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from bisenet_core.learning.datasets import PairedFolder, open_dataset
from bisenet_core.learning.recipe import Recipe
from bisenet_core.learning.transforms import Augmentation, to_tensors


class EpochSampler(Sampler[tuple[int, int]]):
    """Shuffled (epoch, index) pairs that depend on seed and epoch alone.

    The augmentation is seeded by the same pair, so what a run sees does not depend on how many workers
    load it or on where it was resumed.
    """

    def __init__(self, length: int, seed: int) -> None:
        self.length, self.seed, self.epoch = length, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning before each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[tuple[int, int]]:
        order = np.random.default_rng((self.seed, self.epoch)).permutation(self.length)
        return ((self.epoch, int(index)) for index in order)


class TrainingSamples(Dataset):
    """Augmented samples, indexed by (epoch, index)."""

    def __init__(self, pairs: PairedFolder, recipe: Recipe) -> None:
        self.pairs, self.recipe = pairs, recipe
        self.augment = Augmentation(recipe.crop_width, recipe.crop_height, recipe.scales, recipe.colour)

    def __getitem__(self, key: tuple[int, int]) -> tuple[Tensor, Tensor]:
        epoch, index = key
        rng = np.random.default_rng((self.recipe.seed, epoch, index))
        return to_tensors(*self.augment(*self.pairs[index], rng), self.recipe.mean, self.recipe.std)


class ValidationSamples(Dataset):
    """Whole images at their own size."""

    def __init__(self, pairs: PairedFolder, recipe: Recipe) -> None:
        self.pairs, self.recipe = pairs, recipe

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return to_tensors(*self.pairs[index], self.recipe.mean, self.recipe.std)


class SegmentationDataModule(lightning.LightningDataModule):
    """Loads ``recipe.dataset`` below ``root``: split "train" augmented, split "val" as it is."""

    def __init__(self, recipe: Recipe, root: Path | str, workers: int = 1) -> None:
        super().__init__()
        self.recipe, self.workers = recipe, workers
        self.train = open_dataset(recipe.dataset, root, "train")
        self.val = open_dataset(recipe.dataset, root, "val")

    def train_dataloader(self) -> DataLoader:
        return DataLoader(
            TrainingSamples(self.train, self.recipe),
            batch_size=self.recipe.batch_size,
            sampler=EpochSampler(len(self.train), self.recipe.seed),
            num_workers=self.workers,
            persistent_workers=self.workers > 0,
            drop_last=True,  # batch statistics of a small last batch would be noise
        )

    def val_dataloader(self) -> DataLoader:
        return DataLoader(ValidationSamples(self.val, self.recipe), batch_size=1, num_workers=self.workers)
