"""Shadows on the ground: of buildings on the sunny side, of trees and poles, and under cars and people."""

from typing import Iterable, NamedTuple, Tuple

import cv2
import numpy as np

from bisenet_core.drives.rendering.camera import Camera
from bisenet_core.drives.rendering.canvas import SHIFT, Canvas
from bisenet_core.drives.rendering.ground import GroundPixels
from bisenet_core.drives.rendering.light import SUN
from bisenet_core.drives.rendering.panels import NEAR

#: Metres of shadow for a metre of height, along x and z.
SLOPE = (-float(SUN[0] / SUN[1]), -float(SUN[2] / SUN[1]))
#: Red, green and blue left over in full shadow: the sky is blue, the sun is not.
SHADE = np.array([0.50, 0.535, 0.60], np.float32)
#: The map of shadows is made at this part of the image's resolution; shadows have soft edges anyway.
COARSE = 2
#: A circle of radius 1 as a polygon.
ROUND = np.stack([np.cos(np.arange(14) * np.pi / 7), np.sin(np.arange(14) * np.pi / 7)], 1)


class Skyline:
    """Heights of the row of buildings on the sunny side, ``frontage`` metres right of the street's middle."""

    STEP = 0.5

    def __init__(self, start: float, end: float, frontage: float) -> None:
        self.start, self.frontage = start, frontage
        self.heights = np.zeros(max(1, int((end - start) / self.STEP)) + 1, np.float32)

    def add(self, start: float, end: float, height: float) -> None:
        """Put a building of a height between two places along the street."""
        first, last = (round((z - self.start) / self.STEP) for z in (start, end))
        self.heights[max(first, 0):max(last, 0)] = height

    def sunlit(self, x: np.ndarray, z: np.ndarray, height: float = 0.0) -> np.ndarray:
        """Whether the sun reaches places ``x`` (right of the street's middle), ``z``: bool of their shape."""
        steps = np.maximum(self.frontage - x, 0) / SUN[0]
        index = ((z + steps * SUN[2] - self.start) / self.STEP).astype(np.int32)
        return steps * SUN[1] + height > self.heights[np.clip(index, 0, len(self.heights) - 1)]


    def share(self, x: float, z: float, height: float) -> float:
        """Part of the sun (0..1) that a thing of about a metre gets."""
        steps = max(self.frontage - x, 0.0) / float(SUN[0])
        first = int((z - 1.0 + steps * float(SUN[2]) - self.start) / self.STEP)
        heights = self.heights[max(first, 0):max(first, 0) + 5]
        return float((steps * float(SUN[1]) + height > heights).mean()) if len(heights) else 1.0


class Blot(NamedTuple):
    """A convex dark patch on the ground: polygon Nx2 of world x, z; its height and darkness 0..1."""

    outline: np.ndarray
    height: float
    darkness: float


def ellipse(x: float, z: float, radius_x: float, radius_z: float, height: float, darkness: float) -> Blot:
    """A round Blot."""
    return Blot(ROUND * (radius_x, radius_z) + (x, z), height, darkness)


def draw_shadows(canvas: Canvas, camera: Camera, pixels: GroundPixels, skyline: Skyline,
                 cast: Iterable[Blot], contact: Iterable[Blot]) -> None:
    """Darken the ground: ``cast`` shadows merge with those of buildings, ``contact`` shadows come on top."""
    target = canvas.image[pixels.first_row:]
    if not len(target):
        return
    lit = skyline.sunlit(pixels.x[::COARSE, ::COARSE], pixels.z[::COARSE, ::COARSE])
    dark = np.where(lit, np.uint8(0), np.uint8(255))
    dark = np.maximum(dark, _blots(dark.shape, cast, camera, pixels.first_row))
    dark = cv2.GaussianBlur(dark, (0, 0), 0.9)
    under = _blots(dark.shape, contact, camera, pixels.first_row)
    under = cv2.GaussianBlur(under, (0, 0), 1.3 * canvas.size[0] / 480)
    size = (target.shape[1], target.shape[0])
    table = (255 * (1 - np.linspace(0, 1, 256)[:, None] * (1 - SHADE))).astype(np.uint8)[:, None]
    light = cv2.LUT(cv2.cvtColor(cv2.resize(dark, size), cv2.COLOR_GRAY2RGB), table)
    shaded = cv2.multiply(target, light, scale=1 / 255)
    keep = cv2.cvtColor(cv2.resize(cv2.bitwise_not(under), size), cv2.COLOR_GRAY2RGB)
    target[...] = cv2.multiply(shaded, keep, scale=1 / 255)


def _blots(shape: Tuple[int, int], blots: Iterable[Blot], camera: Camera, first_row: int) -> np.ndarray:
    """Coarse map of the blots' darkness, uint8; where they overlap the darkest counts."""
    dark = np.zeros(shape, np.uint8)
    blots = sorted(blots, key=lambda blot: blot.darkness)
    if not blots:
        return dark
    flat = np.concatenate([blot.outline for blot in blots])
    height = np.repeat([blot.height for blot in blots], [len(blot.outline) for blot in blots])
    points = np.stack([flat[:, 0], height, flat[:, 1]], 1)
    depth = camera.to_camera(points)[:, 2]
    pixels, _ = camera.project(points + np.maximum(NEAR - depth, 0)[:, None] * camera.rotation[2])
    local = np.rint(np.clip((pixels - (0, first_row)) * (2**SHIFT / COARSE), -(2**22), 2**22)).astype(
        np.int32
    )
    first = 0
    for blot in blots:
        last = first + len(blot.outline)
        # A point behind the camera was pulled up to its near plane, far outside the view of the ground.
        if depth[first:last].max() > NEAR:
            cv2.fillConvexPoly(dark, local[first:last], round(255 * blot.darkness), cv2.LINE_8, SHIFT)
        first = last
    return dark
