"""Multi-octave noise: what makes a drawn surface look photographed."""

import cv2
import numpy as np
from numpy.typing import ArrayLike


def value_noise(
    rng: np.random.Generator, height: int, width: int, cell: float, stretch: float = 1.0
) -> np.ndarray:
    """Smooth tileable noise HxW float32, mean 0 and deviation about 1; blobs of ``cell`` pixels.

    ``stretch`` > 1 makes them that many times longer along the rows axis (vertical).
    """
    rows = max(2, round(height / (cell * stretch)))
    cols = max(2, round(width / cell))
    grid = rng.standard_normal((rows, cols), dtype=np.float32)
    if rows >= height and cols >= width:
        return cv2.resize(grid, (width, height), interpolation=cv2.INTER_AREA)
    # Two wrapped cells around the grid make the enlarged tile meet itself at the edges.
    grid = cv2.copyMakeBorder(grid, 2, 2, 2, 2, cv2.BORDER_WRAP)
    step_y, step_x = height / rows, width / cols
    scale = np.array([[1 / step_x, 0, 1.5 + 0.5 / step_x], [0, 1 / step_y, 1.5 + 0.5 / step_y]])
    return 1.3 * cv2.warpAffine(grid, scale, (width, height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)


def fractal_noise(rng: np.random.Generator, height: int, width: int, cell: float,
                  octaves: int = 4, gain: float = 0.6, stretch: float = 1.0) -> np.ndarray:
    """Sum of ``octaves`` of value noise, each half as large and ``gain`` as strong; deviation about 1."""
    total = np.zeros((height, width), np.float32)
    weight, power = 1.0, 0.0
    for octave in range(octaves):
        total += weight * value_noise(rng, height, width, max(1.0, cell / 2 ** octave), stretch)
        power += weight * weight
        weight *= gain
    return total / np.float32(power ** 0.5)


def tint(brightness: np.ndarray, color: ArrayLike) -> np.ndarray:
    """A colour (RGB, 0 to 255) scaled by a brightness map HxW: HxWx3 float32."""
    return brightness[..., None].astype(np.float32) * np.asarray(color, np.float32)


def to_bytes(image: np.ndarray) -> np.ndarray:
    """Float image as uint8, clipped to 0..255."""
    return np.clip(image, 0, 255).astype(np.uint8)
