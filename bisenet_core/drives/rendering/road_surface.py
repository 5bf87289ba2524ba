"""Pictures of the ground: asphalt with markings in the middle, kerbs and paving slabs at the sides."""

from typing import Tuple

import cv2
import numpy as np

from bisenet_core.drives.rendering.noise import fractal_noise, tint, to_bytes, value_noise

#: Half the road's width, pavement's outer edge, and the half width that the picture covers (metres).
KERB, FRONTAGE, EDGE = 4.9, 9.0, 10.0
KERB_HEIGHT = 0.12
#: The picture repeats along the street after this many metres.
PERIOD = 42.0
#: Picture elements to the metre.
DENSITY = 56


def ground_picture(rng: np.random.Generator) -> np.ndarray:
    """The ground from -EDGE to EDGE (columns) over one PERIOD (rows, along the street): uint8 RGB."""
    shape = (round(PERIOD * DENSITY), round(2 * EDGE * DENSITY))
    picture = np.empty((*shape, 3), np.uint8)
    low, high = _column(-KERB), _column(KERB)
    picture[:, low:high] = _asphalt(rng, (shape[0], high - low))
    for start, stop in ((0, low), (high, shape[1])):
        picture[:, start:stop] = _slabs(rng, (shape[0], stop - start))
    for side in (-1, 1):
        _kerbstones(rng, picture, side)
    return picture


def _column(x: float) -> int:
    return round((x + EDGE) * DENSITY)


def _asphalt(rng: np.random.Generator, shape: Tuple[int, int]) -> np.ndarray:
    height, width = shape
    grain = 0.055 * rng.standard_normal(shape, dtype=np.float32) + 0.05 * value_noise(rng, height, width, 3)
    stains = 0.055 * fractal_noise(rng, height, width, 2.2 * DENSITY, 4, stretch=3.0)
    x = (np.arange(width) / width * 2 - 1) * KERB
    tracks = sum(np.exp(-((x - centre) / 0.32) ** 2) for centre in (-2.15, -0.65, 0.75, 2.25))
    oil = sum(np.exp(-((x - centre) / 0.25) ** 2) for centre in (-1.4, 1.5))
    gutter = np.exp(-(KERB - np.abs(x)) / 0.22)
    brightness = 1 + grain + stains + (0.06 * tracks - 0.05 * oil - 0.22 * gutter).astype(np.float32)[None, :]
    _patches(rng, brightness)
    brightness = _cracks(rng, brightness)
    color = tint(brightness, (102, 104, 106))
    paint, wear = _markings(shape), 0.80 + 0.16 * fractal_noise(rng, height, width, 10, 4)
    paint = cv2.GaussianBlur(paint, (0, 0), 0.8) * np.clip(wear, 0.25, 1)[..., None]
    white = tint(1 + grain, (205, 205, 198))
    yellow = tint(1 + grain, (168, 148, 78))
    color += paint[..., :1] * (white - color)
    color += paint[..., 1:] * (yellow - color)
    return to_bytes(color)


def _patches(rng: np.random.Generator, brightness: np.ndarray) -> None:
    """Repairs: rectangles of newer, darker asphalt, and manhole covers."""
    height, width = brightness.shape
    for _ in range(7):
        w, h = int(rng.uniform(0.5, 1.8) * DENSITY), int(rng.uniform(0.8, 6) * DENSITY)
        x, y = int(rng.integers(0, width - w)), int(rng.integers(0, height - h))
        brightness[y:y + h, x:x + w] *= rng.uniform(0.84, 0.95)
        cv2.rectangle(brightness, (x, y), (x + w, y + h), float(rng.uniform(0.6, 0.75)), 2)
    for _ in range(3):
        x, y = int(rng.integers(60, width - 60)), int(rng.integers(60, height - 60))
        cv2.circle(brightness, (x, y), 20, 0.62, -1)
        cv2.circle(brightness, (x, y), 20, 0.85, 3)


def _cracks(rng: np.random.Generator, brightness: np.ndarray) -> np.ndarray:
    height, width = brightness.shape
    for _ in range(16):
        steps = rng.normal((0, 5), (4, 6), (int(rng.integers(20, 90)), 2)) * rng.choice([-1, 1], 2)
        path = rng.uniform((0, 0), (width, height)) + np.cumsum(steps, 0)
        cv2.polylines(
            brightness, [path.astype(np.int32)], False, float(rng.uniform(0.68, 0.85)), 1, cv2.LINE_AA
        )
    return brightness


def _markings(shape: Tuple[int, int]) -> np.ndarray:
    """Coverage of white (0) and yellow (1) paint: a dashed middle line, double yellow lines,
    a zebra crossing, bay edges."""
    paint = np.zeros((*shape, 2), np.float32)
    white, yellow = paint[..., 0].copy(), paint[..., 1].copy()

    def bar(layer: np.ndarray, x0: float, x1: float, z0: float, z1: float) -> None:
        first, last = (round((x + KERB) * DENSITY) for x in (x0, x1))
        layer[round(z0 * DENSITY):round(z1 * DENSITY), first:last] = 1

    for z in np.arange(0.5, PERIOD, 6.0):
        bar(white, -0.06, 0.06, z, z + 4.0)
    for x in (-KERB + 0.22, -KERB + 0.42, KERB - 0.30, KERB - 0.50):
        bar(yellow, x, x + 0.08, 0, PERIOD)
    white[round(23.5 * DENSITY):round(28.5 * DENSITY)] = 0
    for x in np.arange(-KERB + 0.55, KERB - 0.6, 1.0):
        bar(white, x, x + 0.5, 24.6, 27.4)
    for x in (-2.95, 2.87):
        for z in np.arange(4.0, 15.0, 2.0):
            bar(white, x, x + 0.08, z, z + 1.0)
    return np.stack([white, yellow], -1)


def _slabs(rng: np.random.Generator, shape: Tuple[int, int]) -> np.ndarray:
    """Concrete paving stones of 0.6 x 0.9 m, each with its own grey, dark joints between them."""
    height, width = shape
    rows, cols = round(PERIOD / 0.6), int(np.ceil(width / DENSITY / 0.9)) + 1
    tone = rng.normal(1.0, 0.085, (rows, cols)).astype(np.float32)
    y = np.arange(height) * rows / height
    x = np.arange(width)[None, :] / (0.9 * DENSITY) + 0.5 * (y.astype(int) % 2)[:, None]
    brightness = tone[y.astype(int)[:, None], x.astype(int)]
    joint = (np.minimum(y % 1, 1 - y % 1) < 0.025)[:, None] | (np.minimum(x % 1, 1 - x % 1) < 0.018)
    brightness = brightness + 0.07 * rng.standard_normal(shape, dtype=np.float32)
    brightness += 0.09 * fractal_noise(rng, height, width, DENSITY, 4)
    brightness[joint] *= 0.68
    for _ in range(120):
        spot = (int(rng.integers(width)), int(rng.integers(height)))
        cv2.circle(brightness, spot, 2, 0.72, -1)
    return to_bytes(tint(brightness, (122, 120, 116)))


def _kerbstones(rng: np.random.Generator, picture: np.ndarray, side: int) -> None:
    low, high = sorted((_column(side * KERB), _column(side * (KERB + 0.16))))
    height, width = picture.shape[0], high - low
    tone = np.repeat(rng.normal(1.0, 0.06, round(PERIOD)), height // round(PERIOD)).astype(np.float32)[
        :height, None
    ]
    tone = tone + 0.09 * rng.standard_normal((height, width), dtype=np.float32)
    tone[np.arange(height) % DENSITY < 2] *= 0.7
    picture[:, low:high] = to_bytes(tint(tone, (146, 144, 138)))
