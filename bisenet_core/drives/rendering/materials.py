"""Noise and patterns: what makes a drawn surface look photographed."""

import cv2
import numpy as np

#: Indices of the tiles that `tiles` returns.
PLAIN, ASPHALT, SLABS, BRICK, STONE, BOARDS, LEAVES = range(7)
#: Picture elements of a tile to the metre, and to its side.
DENSITY, SIDE = 40, 512


def tiles(rng: np.random.Generator) -> np.ndarray:
    """Brightness factors around 1 of every material: 7xSIDExSIDE float32, each to be repeated."""
    grain = rng.standard_normal((SIDE, SIDE), dtype=np.float32)
    stains = fractal_noise(rng, SIDE, SIDE, 90)
    streaks = np.roll(cv2.resize(stains, (SIDE, SIDE * 4))[:SIDE], 99, 1)
    plain = 1 + 0.07 * stains + 0.02 * grain
    planks = np.repeat(rng.normal(1, 0.12, SIDE // 8), 8).astype(np.float32)
    planks[::8] *= 0.55
    leaves = 1 + 0.45 * fractal_noise(rng, SIDE, SIDE, 10, 3, gain=0.9)
    return np.stack([
        plain,
        1 + 0.055 * grain + 0.07 * stains,
        (1 + 0.07 * grain + 0.06 * stains) * _courses(rng, 0.6, 0.9, 0.085, 0.68),
        (plain + 0.04 * streaks) * _courses(rng, 0.1, 0.24, 0.11, 0.88),
        (plain + 0.04 * streaks) * _courses(rng, 0.34, 0.72, 0.11, 0.9),
        planks[None] + 0.12 * streaks,
        np.clip(leaves, 0.3, 2),
    ]).astype(np.float32)


def _courses(rng: np.random.Generator, height: float, length: float, spread: float,
             joint: float) -> np.ndarray:
    """Factors of bricks or slabs (metres) whose tones ``spread``, with joints darkened by ``joint``."""
    rows, cols = (max(1, round(SIDE / DENSITY / size)) for size in (height, length))
    y, x = np.arange(SIDE)[:, None] * rows / SIDE, np.arange(SIDE)[None] * cols / SIDE
    x = x + 0.5 * (y.astype(int) % 2)
    tone = rng.normal(1.0, spread, (rows, cols))[y.astype(int), x.astype(int) % cols]
    tone[((y % 1) < 1.2 * rows / SIDE) | ((x % 1) < 1.2 * cols / SIDE)] *= joint
    return tone


def fractal_noise(rng: np.random.Generator, height: int, width: int, cell: float,
                  octaves: int = 4, gain: float = 0.6) -> np.ndarray:
    """Smooth noise HxW float32, mean 0 and deviation about 1: ``octaves`` of it added, the first with blobs
    of ``cell`` pixels, each further one half as large and ``gain`` as strong. It can be repeated."""
    total, power = np.zeros((height, width), np.float32), 0.0
    for octave in range(octaves):
        size = max(1.0, cell / 2 ** octave)
        grid = rng.standard_normal((max(2, round(height / size)), max(2, round(width / size))),
                                   dtype=np.float32)
        wide = cv2.resize(np.pad(grid, 2, mode="wrap"), None, fx=width / grid.shape[1],
                          fy=height / grid.shape[0], interpolation=cv2.INTER_CUBIC)
        top, left = (round(2 * whole / part) for whole, part in zip((height, width), grid.shape))
        total += gain ** octave * wide[top:top + height, left:left + width]
        power += gain ** (2 * octave)
    return total / np.float32(power ** 0.5)
