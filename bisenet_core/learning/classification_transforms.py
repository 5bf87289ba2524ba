"""Crops of whole images for classification, on numpy arrays."""

import math

import cv2
import numpy as np

#: Width over height that a random crop may have before it is resized.
ASPECTS = (3 / 4, 4 / 3)
#: Share of the short side that the central crop of validation takes: 224 of 256 pixels.
CENTRAL = 0.875


def random_resized_crop(
    image: np.ndarray, size: tuple[int, int], area: tuple[float, ...], rng: np.random.Generator
) -> np.ndarray:
    """HxWx3 uint8 -> a random crop of the image, resized to ``size`` (width, height).

    The crop has a share of the pixels between the two of ``area``. Aspects are drawn from ``ASPECTS``; where
    none of ten draws fits into the image, it is the largest central crop.
    """
    height, width = image.shape[:2]
    smallest, largest = area
    for _ in range(10):
        pixels = height * width * rng.uniform(smallest, largest)
        aspect = math.exp(rng.uniform(*np.log(ASPECTS)))
        crop_width, crop_height = round(math.sqrt(pixels * aspect)), round(math.sqrt(pixels / aspect))
        if 0 < crop_width <= width and 0 < crop_height <= height:
            left, top = rng.integers(width - crop_width + 1), rng.integers(height - crop_height + 1)
            return _resize(image[top : top + crop_height, left : left + crop_width], size)
    return central_crop(image, size, share=1.0)


def central_crop(image: np.ndarray, size: tuple[int, int], share: float = CENTRAL) -> np.ndarray:
    """HxWx3 uint8 -> the middle of the image at ``size`` (width, height), ``share`` of what would fit."""
    height, width = image.shape[:2]
    scale = share * min(width / size[0], height / size[1])
    crop_width, crop_height = max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
    left, top = (width - crop_width) // 2, (height - crop_height) // 2
    return _resize(image[top : top + crop_height, left : left + crop_width], size)


def _resize(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    shrinks = image.shape[1] > size[0] or image.shape[0] > size[1]
    # averaging where it shrinks: two-tap interpolation would alias
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
