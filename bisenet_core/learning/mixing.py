"""Training samples that show a part of another one."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from bisenet_core.labels.label_space import UNLABELED
from bisenet_core.learning.teacher import STRIDE, at_soft_pixels, soft_size

#: Of another sample's labels, HxW, the part to be shown, HxW bool.
Region = Callable[[Tensor, np.random.Generator], Tensor]


def paste(sample: Sequence[Tensor], other: Sequence[Tensor], region: Tensor) -> None:
    """Show ``region``, HxW bool, of ``other`` in ``sample``: in image, labels and any soft labels."""
    for tensor, shown in zip(sample, other):
        part = region if tensor.shape[-2:] == region.shape else at_soft_pixels(region)
        tensor[..., part] = shown[..., part]


def rectangle(labels: Tensor, rng: np.random.Generator) -> Tensor:
    """A rectangle, each side 0.3 to 0.7 of the crop's (CutMix, arXiv 1905.04899).

    Its corners lie on whole pixels of soft labels, so that image, labels and soft labels stay together.
    """
    rows, columns = soft_size(tuple(labels.shape))
    height, width = (round(side * rng.uniform(0.3, 0.7)) for side in (rows, columns))
    top, left = int(rng.integers(rows - height + 1)), int(rng.integers(columns - width + 1))
    region = torch.zeros(labels.shape, dtype=torch.bool)
    region[top * STRIDE : (top + height) * STRIDE, left * STRIDE : (left + width) * STRIDE] = True
    return region


def half_of_classes(labels: Tensor, rng: np.random.Generator) -> Tensor:
    """All pixels of half of the classes that occur (ClassMix, arXiv 2007.07936).

    A rare class is seen before other surroundings as often as a common one.
    """
    classes = np.setdiff1d(labels.numpy(), UNLABELED)
    return torch.isin(labels, torch.from_numpy(rng.permutation(classes)[: len(classes) // 2]))
