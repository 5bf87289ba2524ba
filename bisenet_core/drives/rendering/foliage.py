"""Trees and hedges: drawn once, leaf by leaf, as pictures that face the camera."""

from typing import Tuple

import cv2
import numpy as np

from bisenet_core.drives.rendering.noise import fractal_noise
from bisenet_core.drives.rendering.panels import Texture

#: Height in picture elements of a tree's picture.
TALL = 440
LIGHT = np.array([0.62, -0.70, 0.35])

Leaf = Tuple[float, float, float]


def leafy_tree(rng: np.random.Generator, leaf: Leaf, slender: float = 1.0) -> Texture:
    """A tree in leaf (RGB of a lit leaf), 0.8 times as wide as tall; ``slender`` < 1: a narrow crown."""
    picture = np.zeros((TALL, round(0.8 * TALL), 4), np.uint8)
    middle = picture.shape[1] / 2
    fork = np.array([middle + rng.normal(0, 4), 0.66 * TALL])
    _branch(picture, rng, np.array([middle, TALL - 1.0]), fork - (middle, TALL - 1.0), 0.34 * TALL, 12, 0)
    for lean in rng.normal(0, 0.32 * slender, 5):
        _branch(picture, rng, fork, np.array([lean, -1.0]), 0.17 * TALL, 7, 4)
    blobs = _crown(rng, middle, slender)
    for darkness, count in ((0.5, 1800), (0.8, 3200), (1.1, 2600)):
        _leaves(picture, rng, blobs, leaf, darkness, count)
    return _finish(picture, closing=9)


def bare_tree(rng: np.random.Generator) -> Texture:
    """A tree in winter: trunk, branches and twigs. Its label covers the crown, as annotators draw it."""
    picture = np.zeros((TALL, round(0.8 * TALL), 4), np.uint8)
    start = np.array([picture.shape[1] / 2, TALL - 1.0])
    _branch(picture, rng, start, np.array([0.02, -1.0]), 0.23 * TALL, 10, 8)
    return _finish(picture, closing=21)


def hedge(rng: np.random.Generator, leaf: Leaf) -> Texture:
    """A clipped hedge, 4 times as long as high, with a ragged top."""
    height, width = 128, 512
    picture = np.zeros((height, width, 4), np.uint8)
    top = 14 + 7 * fractal_noise(rng, 1, width, 60, 5)[0]
    for darkness, count in ((0.40, 5200), (0.7, 4200), (1.0, 2400)):
        x, y = rng.uniform(0, width, count), rng.uniform(0, height, count)
        keep = y > top[x.astype(int)] + 10 * (1 - darkness) * rng.uniform(0, 1, count)
        shade = darkness * (1.15 - 0.6 * y / height) * rng.uniform(0.6, 1.25, count)
        _dots(picture, x[keep], y[keep], rng.uniform(2, 4.5, count)[keep], leaf, shade[keep], rng)
    return _finish(picture, closing=7)


def _branch(picture: np.ndarray, rng: np.random.Generator, start: np.ndarray, direction: np.ndarray,
            length: float, thickness: float, depth: int) -> None:
    """A branch that bends and divides; the trunk is the first."""
    direction = direction / np.linalg.norm(direction)
    end = start + direction * length
    if not 10 < end[0] < picture.shape[1] - 10:
        return
    tone = rng.uniform(0.8, 1.2)
    width = max(1, round(thickness))
    _stick(picture, start, end, (58 * tone, 50 * tone, 42 * tone), width)
    if width > 4:
        shift = np.array([0.25 * width, 0])
        _stick(picture, start + shift, end + shift, (92 * tone, 82 * tone, 70 * tone), width // 3)
    if depth == 0 or length < 6:
        return
    for _ in range(2 if rng.random() < 0.55 else 3):
        middle = (start[0] - picture.shape[1] / 2) / picture.shape[1]
        bent = np.array([direction[0] + rng.normal(0, 0.46) - 0.5 * middle, direction[1] - 0.25])
        _branch(picture, rng, start + direction * length * rng.uniform(0.6, 1.0), bent,
                length * rng.uniform(0.66, 0.90), thickness * 0.66, depth - 1)


def _stick(picture: np.ndarray, start: np.ndarray, end: np.ndarray, color: Leaf, width: int) -> None:
    first, last = np.rint(start * 16).astype(int).tolist(), np.rint(end * 16).astype(int).tolist()
    cv2.line(picture, first, last, (*color, 255.0), width, cv2.LINE_AA, 4)


def _crown(rng: np.random.Generator, middle: float, slender: float) -> np.ndarray:
    """Balls (x, y, radius) that together make the crown."""
    count = 34
    angle = rng.uniform(0, 2 * np.pi, count)
    reach = np.sqrt(rng.uniform(0, 1, count)) * rng.uniform(0.85, 1.12, count)
    x = middle + slender * 0.29 * TALL * reach * np.cos(angle)
    y = 0.37 * TALL + 0.26 * TALL * reach * np.sin(angle)
    return np.stack([x, y, rng.uniform(0.045, 0.10, count) * TALL * (0.6 + 0.4 * slender)], 1)


def _leaves(picture: np.ndarray, rng: np.random.Generator, blobs: np.ndarray, leaf: Leaf, darkness: float,
            count: int) -> None:
    """Leaves on the near half of the balls, lit as on spheres; the dark ones lie deeper."""
    ball = blobs[rng.integers(len(blobs), size=count)]
    angle, reach = rng.uniform(0, 2 * np.pi, count), np.sqrt(rng.uniform(0, 1, count)) * 1.18
    normal = np.stack([reach * np.cos(angle), reach * np.sin(angle), np.sqrt(np.clip(1 - reach**2, 0, 1))], 1)
    whole = (ball[:, 1] - 0.36 * TALL) / (0.4 * TALL)
    shade = (
        darkness
        * np.clip(0.55 + 0.40 * normal @ LIGHT - 0.38 * whole, 0.2, 1.2)
        * rng.uniform(0.6, 1.35, count)
    )
    if darkness > 1.0:
        shade[normal @ LIGHT < 0] = 0
    keep = shade > 0
    x, y = ball[:, 0] + ball[:, 2] * normal[:, 0], ball[:, 1] + ball[:, 2] * normal[:, 1]
    _dots(picture, x[keep], y[keep], rng.uniform(1.3, 3.1, count)[keep], leaf, shade[keep], rng)


def _dots(
    picture: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    radius: np.ndarray,
    leaf: Leaf,
    shade: np.ndarray,
    rng: np.random.Generator,
) -> None:
    color = np.clip(np.outer(shade, leaf) * rng.normal(1, 0.06, (len(shade), 3)), 0, 255)
    flat = rng.uniform(0.5, 1.0, len(x)) * radius
    turn = rng.uniform(0, 180, len(x))
    for row in zip(x.tolist(), y.tolist(), radius.tolist(), flat.tolist(), turn.tolist(), color.tolist()):
        cv2.ellipse(picture, ((row[0], row[1]), (2 * row[2], 2 * row[3]), row[4]), (*row[5], 255.0), -1)


def _finish(picture: np.ndarray, closing: int) -> Texture:
    """Soften the edges (premultiplied), and close the gaps for the label."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (closing, closing))
    solid = np.where(picture[..., 3] > 127, np.uint8(255), np.uint8(0))
    region = cv2.morphologyEx(solid, cv2.MORPH_CLOSE, kernel)
    return Texture(cv2.GaussianBlur(picture, (0, 0), 0.6), region)
