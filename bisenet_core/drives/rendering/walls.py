"""Bare walls and roofs: brick, render, stone, slates, and what the weather does to them."""

from typing import Tuple

import cv2
import numpy as np

from bisenet_core.drives.rendering.noise import fractal_noise, tint, to_bytes, value_noise

#: Picture elements to the metre.
DENSITY = 36

#: Materials and their colours (RGB).
WALLS = {
    "yellow brick": (150, 137, 113), "red brick": (116, 82, 70), "brown brick": (108, 94, 82),
    "white render": (206, 202, 192), "cream render": (190, 179, 154), "grey stone": (138, 132, 120),
}


def wall_picture(rng: np.random.Generator, shape: Tuple[int, int], wall: str) -> np.ndarray:
    """Bare wall HxWx3 float32 of a material of WALLS."""
    height, width = shape
    brightness = (
        1 + 0.09 * fractal_noise(rng, height, width, 90, 5) + 0.035 * value_noise(rng, height, width, 2)
    )
    if "brick" in wall or "stone" in wall:
        course, length = (0.085, 0.24) if "brick" in wall else (0.34, 0.72)
        brightness *= _courses(rng, shape, course * DENSITY, length * DENSITY)
    return tint(brightness, WALLS[wall])


def _courses(rng: np.random.Generator, shape: Tuple[int, int], course: float, length: float) -> np.ndarray:
    """Tone of every brick or stone, and darker joints."""
    rows, cols = np.arange(shape[0]) / course, np.arange(shape[1]) / length
    tone = rng.normal(1.0, 0.11, (int(rows[-1]) + 1, int(cols[-1]) + 2)).astype(np.float32)
    shifted = cols[None, :] + 0.5 * (rows.astype(int) % 2)[:, None]
    tone = tone[rows.astype(int)[:, None], shifted.astype(int)]
    tone[(rows % 1) < 1 / course] *= 0.90
    tone[(shifted % 1) < 1 / length] *= 0.93
    return tone


def weathered(rng: np.random.Generator, color: np.ndarray, light: np.ndarray) -> np.ndarray:
    """Streaks of dirt, and light that grows weaker towards the street."""
    height, width = color.shape[:2]
    streaks = 1 + 0.07 * fractal_noise(rng, height, width, 16, 4, stretch=7.0)
    rise = np.linspace(1.06, 0.84, height, dtype=np.float32)[:, None]
    return to_bytes(color * (streaks * rise)[..., None] * light)


def roof_picture(rng: np.random.Generator, light: np.ndarray) -> np.ndarray:
    """Slates or tiles, 4 x 2 m: uint8 RGB."""
    shape = (72, 288)
    color = ((78, 80, 86), (104, 68, 54), (86, 74, 64))[rng.integers(3)]
    tone = _courses(rng, shape, 8, 9) * (1 + 0.10 * fractal_noise(rng, *shape, 40, 4))
    return to_bytes(tint(tone, color) * light)


def gable_picture(
    rng: np.random.Generator, wall: str, width: float, eaves: float, ridge: float, light: np.ndarray
) -> np.ndarray:
    """A side wall of a material, ``width`` m wide, with a triangle from ``eaves`` to ``ridge`` m: RGBA."""
    rows, cols = round(ridge * DENSITY / 2), round(width * DENSITY / 2)
    picture = np.full((rows, cols, 4), 255, np.uint8)
    picture[..., :3] = weathered(rng, wall_picture(rng, (rows, cols), wall), light)
    shoulder = (ridge - eaves) * DENSITY / 2
    outline = np.array([[0, rows], [0, shoulder], [cols / 2, 0], [cols, shoulder], [cols, rows]])
    mask = np.zeros((rows, cols), np.uint8)
    cv2.fillConvexPoly(mask, np.rint(outline * 16).astype(np.int32), 255, cv2.LINE_AA, 4)
    return cv2.multiply(picture, cv2.merge([mask] * 4), scale=1 / 255)
