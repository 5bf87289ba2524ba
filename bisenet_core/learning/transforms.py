"""Augmentation: random scale, crop, flip (BiSeNet V2, Section 5.1) and colour, on numpy arrays."""

from dataclasses import dataclass, field
from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from bisenet_core.evaluation.corruptions import CORRUPTIONS, corrupt
from bisenet_core.labels.label_space import UNLABELED
from bisenet_core.learning.recipe import Recipe
from bisenet_core.runtime.preprocessing import normalisation_tables, normalise

#: How often a crop with too much of one class is drawn again.
REDRAWS = 10
#: Strengths of corruptions that training sees; with stronger ones the loss is mostly that of spoilt images.
_STRENGTHS = (1, 2)


class View(NamedTuple):
    """Which part of an image a sample shows, in pixels of the image scaled to ``width`` x ``height``."""

    width: int
    height: int
    left: int
    top: int
    crop_width: int
    crop_height: int
    flipped: bool

    @property
    def affine(self) -> tuple[tuple[float, ...], ...]:
        """From places in the sample to places in the image, both -1 to 1, as ``affine_grid`` takes it."""
        across, down = self.crop_width / self.width, self.crop_height / self.height
        x = (2 * self.left + self.crop_width) / self.width - 1
        y = (2 * self.top + self.crop_height) / self.height - 1
        return (-across if self.flipped else across, 0.0, x), (0.0, down, y)


@dataclass(frozen=True)
class Augmentation:
    """Scale by one of ``scales``, crop to ``crop_width`` x ``crop_height``, flip half the time, vary colour.

    Images are brought to the size ``resize`` (width, height) before that. A crop larger than the image is
    filled with mean grey and ``UNLABELED``.
    """

    crop_width: int
    crop_height: int
    scales: tuple[float, ...] = (0.75, 1.0, 1.25, 1.5, 1.75, 2.0)
    colour: float = 0.0
    scale_range: tuple[float, ...] = ()
    hue: float = 0.0
    corrupted: float = 0.0
    largest_class_share: float = 1.0
    resize: tuple[int, int] | None = None
    fill: tuple[int, int, int] = field(default=(124, 116, 104))

    @classmethod
    def of(cls, recipe: Recipe) -> "Augmentation":
        """The augmentation of ``recipe``."""
        return cls(recipe.crop_width, recipe.crop_height, recipe.scales, recipe.colour, recipe.scale_range,
                   recipe.hue, recipe.corrupted, recipe.largest_class_share, recipe.resize)

    def __call__(
        self, image: np.ndarray, labels: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """HxWx3 uint8 RGB and HxW uint8 -> the same at the crop's size."""
        return self.sample(image, labels, rng)[:2]

    def sample(
        self, image: np.ndarray, labels: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, View]:
        """As the call, and which part of the image it shows."""
        size = self._size(labels, rng)
        image, labels = self._pad(*_resize(image, labels, size))
        left, top = self._varied_corner(labels, rng)
        window = self._window(left, top)
        image, labels = image[window], labels[window]
        flipped = bool(rng.random() < 0.5)
        if flipped:
            image, labels = image[:, ::-1], labels[:, ::-1]
        if self.colour:
            image = _vary_colour(image, self.colour, rng)
        if self.hue:
            image = _turn_hue(image, rng.uniform(-self.hue, self.hue))
        if self.corrupted and rng.random() < self.corrupted:
            image = _corrupted(image, rng)
        view = View(*size, left, top, self.crop_width, self.crop_height, flipped)
        return np.ascontiguousarray(image), np.ascontiguousarray(labels), view

    def _size(self, labels: np.ndarray, rng: np.random.Generator) -> tuple[int, int]:
        width, height = self.resize or labels.shape[::-1]
        if self.scale_range:
            scale = rng.uniform(self.scale_range[0], self.scale_range[1])
        else:
            scale = float(rng.choice(self.scales))
        return max(1, round(width * scale)), max(1, round(height * scale))

    def _pad(self, image: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        height, width = labels.shape
        border = (0, max(self.crop_height - height, 0), 0, max(self.crop_width - width, 0))
        if not any(border):
            return image, labels
        return (
            cv2.copyMakeBorder(image, *border, cv2.BORDER_CONSTANT, value=self.fill),
            cv2.copyMakeBorder(labels, *border, cv2.BORDER_CONSTANT, value=UNLABELED),
        )

    def _varied_corner(self, labels: np.ndarray, rng: np.random.Generator) -> tuple[int, int]:
        left, top = self._corner(labels, rng)
        for _ in range(REDRAWS if self.largest_class_share < 1 else 0):
            if _largest_share(labels[self._window(left, top)]) < self.largest_class_share:
                break
            left, top = self._corner(labels, rng)
        return left, top

    def _corner(self, labels: np.ndarray, rng: np.random.Generator) -> tuple[int, int]:
        height, width = labels.shape
        top = int(rng.integers(height - self.crop_height + 1))
        return int(rng.integers(width - self.crop_width + 1)), top

    def _window(self, left: int, top: int) -> tuple[slice, slice]:
        return slice(top, top + self.crop_height), slice(left, left + self.crop_width)


def _resize(
    image: np.ndarray, labels: np.ndarray, size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    if size == labels.shape[::-1]:
        return image, labels
    # nearest for labels: any other interpolation would invent classes between two
    return cv2.resize(image, size), cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST_EXACT)


def _largest_share(labels: np.ndarray) -> float:
    """Of one class among the labelled pixels; 1 where there are none, and so nothing to learn."""
    counts = np.bincount(labels.ravel(), minlength=UNLABELED + 1)[:UNLABELED]
    return float(counts.max() / max(counts.sum(), 1)) if counts.any() else 1.0


def _turn_hue(image: np.ndarray, share: float) -> np.ndarray:
    """Turn the circle of colours by ``share`` of it, -1 to 1."""
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV_FULL)
    hsv[..., 0] += np.uint8(round(share * 256) % 256)  # of 8 bits, so that it goes round by itself
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB_FULL)


def _vary_colour(image: np.ndarray, amount: float, rng: np.random.Generator) -> np.ndarray:
    brightness, contrast, saturation = 1 + rng.uniform(-amount, amount, 3)
    grey = np.array((0.299, 0.587, 0.114))
    # the three together are one affine map of a pixel's colour; contrast is about the mean grey
    mixed = brightness * (saturation * np.eye(3) + (1 - saturation) * grey)
    centre = brightness * (grey @ cv2.mean(image)[:3])
    return cv2.transform(image, np.column_stack([contrast * mixed, np.full(3, (1 - contrast) * centre)]))


def _corrupted(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    kind = str(rng.choice(list(CORRUPTIONS)))
    return corrupt(image, kind, int(rng.choice(_STRENGTHS)), seed=int(rng.integers(2**31)))


def to_tensors(
    image: np.ndarray, labels: np.ndarray, mean: tuple[float, ...], std: tuple[float, ...]
) -> tuple[Tensor, Tensor]:
    """HxWx3 uint8 RGB -> 3xHxW float32 normalised with ``mean`` and ``std`` (of 0..1); HxW uint8 -> int64."""
    return torch.from_numpy(normalised(image, mean, std)), torch.from_numpy(labels.astype(np.int64))


def padded(image: Tensor, labels: Tensor, least: int) -> tuple[Tensor, Tensor]:
    """3xHxW normalised and HxW -> the same with sides of ``least`` pixels or more.

    What is added below and on the right is grey, the mean, and ``UNLABELED``.
    """
    height, width = labels.shape
    border = (0, max(least - width, 0), 0, max(least - height, 0))
    return functional.pad(image, border), functional.pad(labels, border, value=UNLABELED)


def normalised(image: np.ndarray, mean: tuple[float, ...], std: tuple[float, ...]) -> np.ndarray:
    """HxWx3 uint8 -> 3xHxW float32, by the very code that the robot runs."""
    out = np.empty((1, 3, *image.shape[:2]), np.float32)
    normalise(image, normalisation_tables(mean, std), out)
    return out[0]
