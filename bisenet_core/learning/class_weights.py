"""Weights of classes in the loss, from how much of the training data they cover."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from bisenet_core.learning.distributed import gathered, world_size


class PixelCounts(Dataset):
    """int64 K: labelled pixels of each class in each sample (image, labels HxW uint8) of ``dataset``."""

    def __init__(self, dataset: Any, num_classes: int) -> None:
        self.dataset, self.num_classes = dataset, num_classes

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> np.ndarray:
        return np.bincount(self.dataset[index][1].ravel(), minlength=256)[: self.num_classes]


def count_pixels(dataset: Any, num_classes: int, workers: int = 0) -> Tensor:
    """int64 K: labelled pixels of each class in all of ``dataset``; each process of a run reads its share."""
    rank = torch.distributed.get_rank() if world_size() > 1 else 0
    own = range(rank, len(dataset), world_size())
    loader = DataLoader(PixelCounts(dataset, num_classes), batch_size=None, sampler=own, num_workers=workers)
    return sum(gathered(sum(loader, torch.zeros(num_classes, dtype=torch.int64))))


def inverse_log(counts: Sequence[int] | Tensor) -> list[float]:
    """1 / ln(1.02 + p) for each class, p being its share of the labelled pixels (ENet, Section 5.1).

    From 50 for a class that does not occur to 1.4 for one that is everything.
    """
    pixels = torch.as_tensor(counts, dtype=torch.float64)
    shares = pixels / pixels.sum().clamp(min=1)
    return (1 / torch.log(1.02 + shares)).tolist()
