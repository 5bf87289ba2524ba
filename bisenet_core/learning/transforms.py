"""Augmentation: random scale, crop and flip (BiSeNet V2, Section 5.1), on numpy arrays."""

from dataclasses import dataclass, field

import cv2
import numpy as np
import torch
from torch import Tensor

from bisenet_core.label_space import UNLABELED
from bisenet_core.runtime.preprocessing import normalisation_tables, normalise


@dataclass(frozen=True)
class Augmentation:
    """Scale by one of ``scales``, crop to ``crop_width`` x ``crop_height``, flip half the time, vary colour.

    ``colour`` is the largest relative change of brightness, contrast and saturation; 0 turns it off
    (the paper describes none). A crop larger than the image is filled with mean grey and ``UNLABELED``.
    """

    crop_width: int
    crop_height: int
    scales: tuple[float, ...] = (0.75, 1.0, 1.25, 1.5, 1.75, 2.0)
    colour: float = 0.0
    fill: tuple[int, int, int] = field(default=(124, 116, 104))

    def __call__(
        self, image: np.ndarray, labels: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """HxWx3 uint8 RGB and HxW uint8 -> the same at the crop's size."""
        image, labels = _resize(image, labels, float(rng.choice(self.scales)))
        image, labels = self._crop(*self._pad(image, labels), rng)
        if rng.random() < 0.5:
            image, labels = image[:, ::-1], labels[:, ::-1]
        if self.colour:
            image = _vary_colour(image, self.colour, rng)
        return np.ascontiguousarray(image), np.ascontiguousarray(labels)

    def _pad(self, image: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        height, width = labels.shape
        border = (0, max(self.crop_height - height, 0), 0, max(self.crop_width - width, 0))
        if not any(border):
            return image, labels
        return (
            cv2.copyMakeBorder(image, *border, cv2.BORDER_CONSTANT, value=self.fill),
            cv2.copyMakeBorder(labels, *border, cv2.BORDER_CONSTANT, value=UNLABELED),
        )

    def _crop(
        self, image: np.ndarray, labels: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        height, width = labels.shape
        top = rng.integers(height - self.crop_height + 1)
        left = rng.integers(width - self.crop_width + 1)
        window = np.s_[top : top + self.crop_height, left : left + self.crop_width]
        return image[window], labels[window]


def _resize(image: np.ndarray, labels: np.ndarray, scale: float) -> tuple[np.ndarray, np.ndarray]:
    if scale == 1.0:
        return image, labels
    size = (round(labels.shape[1] * scale), round(labels.shape[0] * scale))
    # nearest for labels: any other interpolation would invent classes between two
    return cv2.resize(image, size), cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST_EXACT)


def _vary_colour(image: np.ndarray, amount: float, rng: np.random.Generator) -> np.ndarray:
    brightness, contrast, saturation = 1 + rng.uniform(-amount, amount, 3)
    varied = image.astype(np.float32) * brightness
    grey = varied @ np.array((0.299, 0.587, 0.114), np.float32)
    varied = grey[..., None] + (varied - grey[..., None]) * saturation
    varied = grey.mean() + (varied - grey.mean()) * contrast
    return np.clip(varied, 0, 255).astype(np.uint8)


def to_tensors(
    image: np.ndarray, labels: np.ndarray, mean: tuple[float, ...], std: tuple[float, ...]
) -> tuple[Tensor, Tensor]:
    """HxWx3 uint8 RGB -> 3xHxW float32 normalised with ``mean`` and ``std`` (of 0..1); HxW uint8 -> int64."""
    return torch.from_numpy(normalised(image, mean, std)), torch.from_numpy(labels.astype(np.int64))


def normalised(image: np.ndarray, mean: tuple[float, ...], std: tuple[float, ...]) -> np.ndarray:
    """HxWx3 uint8 -> 3xHxW float32, by the very code that the robot runs."""
    out = np.empty((1, 3, *image.shape[:2]), np.float32)
    normalise(image, normalisation_tables(mean, std), out)
    return out[0]
