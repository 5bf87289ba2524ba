"""What is infinitely far away: a sky with clouds, and a line of distant trees and roofs under it."""

from typing import Tuple

import cv2
import numpy as np
from numpy.typing import ArrayLike

from bisenet_core.drives.rendering.camera import Camera
from bisenet_core.drives.rendering.canvas import Canvas
from bisenet_core.drives.rendering.classes import BUILDING, SKY, TREE
from bisenet_core.drives.rendering.noise import fractal_noise, tint, to_bytes

#: The picture covers tangents of the view angle from -ACROSS to ACROSS and from -BELOW to ABOVE the horizon.
ACROSS, ABOVE, BELOW = 1.5, 1.1, 0.06


class Backdrop:
    """A picture on a plane at infinity; turning the camera moves it, driving does not."""

    def __init__(self, rng: np.random.Generator, focal: float) -> None:
        self._scale = float(np.clip(focal, 160, 620))
        shape = (round((ABOVE + BELOW) * self._scale), round(2 * ACROSS * self._scale))
        self._horizon = ABOVE * self._scale
        self._image = _sky(rng, shape, self._horizon)
        self._labels = np.full(shape, SKY, np.uint8)
        self._skyline(rng)

    def _skyline(self, rng: np.random.Generator) -> None:
        """Roofs, then trees, both pale with distance."""
        height, width = self._labels.shape
        columns = np.arange(width)
        widths = rng.integers(round(0.02 * self._scale), round(0.07 * self._scale), width)
        levels = np.repeat(rng.uniform(0.012, 0.04, width), widths)[:width]
        self._cover(levels, (128, 128, 130), BUILDING, rng)
        wave = fractal_noise(rng, 1, width, 0.10 * self._scale, 6, gain=0.75)[0]
        self._cover(0.026 + 0.011 * wave + 0.006 * np.sin(columns / width * 25), (104, 110, 104), TREE, rng)

    def _cover(self, level: np.ndarray, color: ArrayLike, label: int, rng: np.random.Generator) -> None:
        height, width = self._labels.shape
        mask = np.arange(height)[:, None] > self._horizon - level * self._scale
        grain = 1 + 0.10 * fractal_noise(rng, height, width, 5, 3)
        self._image[mask] = to_bytes(tint(grain, color))[mask]
        self._labels[mask] = label

    def draw(self, canvas: Canvas, camera: Camera) -> None:
        """Fill the whole canvas; rows under the horizon get the distant ground's haze."""
        matrix = self._pixels_to_picture(camera)
        flags = cv2.WARP_INVERSE_MAP
        canvas.image[...] = cv2.warpPerspective(
            self._image, matrix, canvas.size, flags=flags | cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        canvas.labels[...] = cv2.warpPerspective(
            self._labels,
            matrix,
            canvas.size,
            flags=flags | cv2.INTER_NEAREST,
            borderMode=cv2.BORDER_REPLICATE,
        )

    def _pixels_to_picture(self, camera: Camera) -> np.ndarray:
        (u, v), focal = camera.centre, camera.focal
        to_ray = np.array([[1 / focal, 0, -u / focal], [0, 1 / focal, -v / focal], [0, 0, 1]])
        to_picture = np.array(
            [[self._scale, 0, ACROSS * self._scale], [0, -self._scale, self._horizon], [0, 0, 1]]
        )
        return to_picture @ camera.rotation.T @ to_ray


def _sky(rng: np.random.Generator, shape: Tuple[int, int], horizon: float) -> np.ndarray:
    """Bright clouds over pale blue; towards the horizon everything turns white, as a camera exposes it."""
    height, width = shape
    rise = np.clip((horizon - np.arange(height)) / horizon, 0, 1)[:, None].astype(np.float32)
    blue = np.stack(
        [np.broadcast_to(a - b * rise**0.8, shape) for a, b in ((236, 92), (242, 56), (250, 14))], -1
    )
    cloud = fractal_noise(rng, height, width, 0.55 * width / 3, 6, gain=0.55, stretch=0.35)
    cover = np.clip(0.62 + 0.55 * cloud, 0, 1)[..., None]
    thick = fractal_noise(rng, height, width, 0.3 * width / 3, 5, gain=0.55, stretch=0.4)
    white = tint(244 - 15 * rise * (1 + np.clip(thick, -1, 1.6)), (0.985, 0.995, 1.01))
    return to_bytes(blue + cover * (white - blue))
