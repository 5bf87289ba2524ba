"""Corrupt images as bad weather, bad light and bad cameras do, each in five strengths.

Kinds and strengths follow Hendrycks and Dietterich (ICLR 2019, arXiv 1903.12261), with milder first steps,
and with what a robot's camera meets: rain, low light with the noise of few photons, a low sun. Lengths are in
pixels of an image of 360 rows, and grow with the image.
"""

from collections.abc import Callable

import cv2
import numpy as np

STRENGTHS = (1, 2, 3, 4, 5)

_ROWS = 360
_HORIZON = 0.45  # of the height; the ground is flat below it
_AIRLIGHT = 0.82  # what fog looks like where nothing is seen through it

#: HxWx3 float32 from 0 to 1, strength from 0 to 4, random numbers -> the same, perhaps outside 0 to 1.
_Corrupt = Callable[[np.ndarray, int, np.random.Generator], np.ndarray]


def corrupt(image: np.ndarray, kind: str, strength: int, seed: int) -> np.ndarray:
    """``image``, HxWx3 uint8 RGB, with the corruption ``kind`` of ``CORRUPTIONS``; a new array.

    ``strength`` is one of ``STRENGTHS``. The same ``seed``, the image's number, gives the same bytes.
    """
    rng = np.random.default_rng([seed, list(CORRUPTIONS).index(kind)])
    found = CORRUPTIONS[kind](image.astype(np.float32) / 255, STRENGTHS.index(strength), rng)
    return np.rint(found.clip(0, 1) * 255).astype(np.uint8)


def _noise(image: np.ndarray, level: int, rng: np.random.Generator) -> np.ndarray:
    sigma = (0.04, 0.08, 0.12, 0.18, 0.26)[level]
    return image + sigma * rng.standard_normal(image.shape, np.float32)


def _blur(image: np.ndarray, level: int, rng: np.random.Generator) -> np.ndarray:
    """A lens out of focus: each point becomes a disc, whose edge is smoothed."""
    radius = (1.0, 2.0, 3.0, 4.5, 6.5)[level] * _scale(image)
    offset = np.arange(-int(radius) - 1, int(radius) + 2)
    disc = (radius + 0.5 - np.hypot(offset, offset[:, None])).clip(0, 1)
    return cv2.filter2D(image, -1, (disc / disc.sum()).astype(np.float32), borderType=cv2.BORDER_REPLICATE)


def _fog(image: np.ndarray, level: int, rng: np.random.Generator) -> np.ndarray:
    """Light lost with the distance, which is that of flat ground below the horizon, and uneven fog."""
    density = (0.6, 1.0, 1.5, 2.2, 3.2)[level]
    height, width = image.shape[:2]
    below = (np.arange(height) + 0.5) / height - _HORIZON
    distance = np.minimum(1, 0.12 / np.maximum(below, 1e-3))[:, None]
    banks = cv2.resize(rng.random((4, 6), np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    seen = np.exp(-density * distance * (0.7 + 0.6 * banks)).astype(np.float32)[..., None]
    return seen * image + (1 - seen) * _AIRLIGHT


def _rain(image: np.ndarray, level: int, rng: np.random.Generator) -> np.ndarray:
    """Bright streaks of drops that fall aslant while the shutter is open, before a duller scene."""
    share, length = (0.0006, 0.0015, 0.003, 0.005, 0.008)[level], (14, 18, 22, 26, 30)[level] * _scale(image)
    streak = np.zeros((2 * int(length) + 1,) * 2, np.float32)
    slant = rng.uniform(-0.35, 0.35)
    centre = int(length)
    half = (int(slant * length / 2), int(length / 2))
    start, end = ((centre - sign * half[0], centre - sign * half[1]) for sign in (1, -1))
    cv2.line(streak, start, end, 1.0, max(1, round(_scale(image))))
    drops = (rng.random(image.shape[:2], np.float32) < share / _scale(image)).astype(np.float32)
    light = cv2.GaussianBlur(cv2.filter2D(drops, -1, streak), (3, 3), 0)[..., None].clip(0, 1)
    dulled = 0.5 + (image - 0.5) * (0.95, 0.9, 0.85, 0.8, 0.72)[level]
    return dulled + 0.5 * light * (0.95 - dulled)


def _low_light(image: np.ndarray, level: int, rng: np.random.Generator) -> np.ndarray:
    """Less light on the sensor: few photons, whose number varies, and the noise of reading them out."""
    light = (0.5, 0.3, 0.18, 0.1, 0.055)[level] * image**2.2
    electrons = 2000 * light
    noise = np.sqrt(electrons + 4**2) * rng.standard_normal(image.shape, np.float32)
    return ((electrons + noise).clip(0, None) / 2000) ** (1 / 2.2)


def _glare(image: np.ndarray, level: int, rng: np.random.Generator) -> np.ndarray:
    """A low sun in the picture: its disc and halo, and a veil of stray light over everything."""
    halo, veil = (0.5, 0.8, 1.2, 1.7, 2.4)[level], (0.06, 0.12, 0.2, 0.3, 0.42)[level]
    height, width = image.shape[:2]
    x, y = rng.uniform(0.2, 0.8) * width, rng.uniform(0.1, 0.4) * height
    distance = np.hypot(np.arange(width) - x, np.arange(height)[:, None] - y)[..., None] / height
    light = halo * np.exp(-distance / 0.18) + veil * np.exp(-distance / 0.9)
    warm = np.array([1.0, 0.96, 0.88], np.float32)
    return (image**2.2 + light.astype(np.float32) * warm).clip(0, None) ** (1 / 2.2)


def _jpeg(image: np.ndarray, level: int, rng: np.random.Generator) -> np.ndarray:
    quality = (30, 18, 12, 8, 5)[level]
    pixels = np.rint(image * 255).astype(np.uint8)
    _, content = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(content, cv2.IMREAD_COLOR))[..., ::-1].astype(np.float32) / 255


def _scale(image: np.ndarray) -> float:
    return max(1.0, image.shape[0] / _ROWS)


#: By name; the order is that of tables and charts.
CORRUPTIONS: dict[str, _Corrupt] = {
    "noise": _noise,
    "blur": _blur,
    "fog": _fog,
    "rain": _rain,
    "low light": _low_light,
    "glare": _glare,
    "JPEG": _jpeg,
}
