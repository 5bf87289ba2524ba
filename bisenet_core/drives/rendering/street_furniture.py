"""Things that stand beside the road: lamp posts, signs, traffic lights, bollards, bins, trees."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from bisenet_core.drives.rendering.faces import BESIDE, POLE, SIGN, TREE, Faces, Shape
from bisenet_core.drives.rendering.materials import LEAVES
from bisenet_core.labels.label_space import UNLABELED

STEEL, DARK, BLACK, WHITE = (92, 96, 98), (40, 42, 44), (22, 22, 22), (222, 222, 216)
LEAF_COLORS = ((122, 126, 82), (140, 128, 84), (88, 100, 72), (104, 112, 70))
BARK = (74, 64, 54)


def _turned(heights: Sequence[float], radii: Sequence[float], color: ArrayLike, label: int = POLE) -> Faces:
    """Something round and upright: its radius at each height, in metres."""
    shape = Shape(label)
    shape.tube([(0, height, 0) for height in heights], radii, color, 8)
    return shape.faces()


def lamp_post(reach: float) -> Faces:
    """A lamp post 7.5 m high with an arm that reaches ``reach`` m towards +x (or -x when negative)."""
    shape = Shape(POLE)
    shape.tube([(0, y, 0) for y in (0, 1.2, 1.21, 4, 7.2)], [.095, .095, .062, .052, .04], STEEL, 8)
    shape.tube([(0, 7.2, 0), (.3 * reach, 7.55, 0), (reach, 7.7, 0)], [.04, .036, .034], STEEL, 6)
    low, high = sorted((reach, 1.5 * reach))
    shape.box((low, 7.62, -0.11), (high, 7.76, 0.11), (120, 122, 120))
    return shape.faces()


def post(height: float, radius: float = 0.038, color: ArrayLike = STEEL) -> Faces:
    return _turned((0, 0.5 * height, height), (radius,) * 3, color)


def bollard() -> Faces:
    """A cast-iron bollard, 0.95 m high."""
    return _turned((0, .1, .12, .8, .82, .92, .95), (.11, .11, .07, .06, .085, .07, .01), (26, 27, 29))


def litter_bin() -> Faces:
    """A litter bin; no class is meant for it."""
    return _turned((0, .05, .9, .95, 1.1, 1.15), (.2, .24, .25, .27, .2, .01), (24, 30, 28), UNLABELED)


def _plate(shape: Shape, x0: float, y0: float, x1: float, y1: float, color: ArrayLike, over: int) -> None:
    """A rectangle that is painted ``over`` that many others."""
    shape.rectangle((x0, y0, -0.01 * over), (x1, y1, -0.01 * over), color, glow=0.1, nearer=0.1 * over)


def _round(shape: Shape, corners: int, radius: float, color: ArrayLike, over: int, level: float = 0.0,
           glow: float = 0.1) -> None:
    shape.disc((0, level, -0.01 * over), (0, 1), radius, color, corners, glow=glow, nearer=0.1 * over)


def sign_plate(kind: str) -> Faces:
    """A plate around (0, 0, 0) that faces -z: "warning", "limit", "parking" or "direction"."""
    shape = Shape(SIGN)
    if kind in ("warning", "limit"):
        corners, radius = (3, 0.42) if kind == "warning" else (18, 0.32)
        _round(shape, corners, radius, (176, 30, 28), 0)
        _round(shape, corners, 0.7 * radius, WHITE, 1)
        for x in (-0.03,) if kind == "warning" else (-0.13, 0.03):
            _plate(shape, x, -0.1, x + 0.08, 0.1, BLACK, 2)
    elif kind == "parking":
        _plate(shape, -0.25, -0.38, 0.25, 0.38, (28, 60, 132), 0)
        _plate(shape, -0.10, -0.15, -0.03, 0.25, WHITE, 1)
        _plate(shape, -0.03, 0.05, 0.12, 0.25, WHITE, 1)
    else:
        _plate(shape, -0.75, -0.42, 0.75, 0.42, (26, 74, 56), 0)
        for level, end in ((0.14, 0.45), (-0.06, 0.25), (-0.26, 0.5)):
            _plate(shape, -0.6, level, end, level + 0.1, WHITE, 1)
    return shape.faces()


def traffic_light(red: bool) -> Faces:
    """A three-lamp head 0.9 m high that faces -z, its middle at (0, 0, 0)."""
    shape = Shape(SIGN)
    shape.box((-.16, -.45, 0), (.16, .45, .22), (16, 17, 18))
    lamps = ((.28, (230, 40, 30), red), (0, (210, 140, 20), False), (-.28, (40, 220, 130), not red))
    for level, color, lit in lamps:
        shade = color if lit else tuple(0.2 * c for c in color)
        _round(shape, 12, 0.10, shade, 2, level, glow=1.0 if lit else 0.0)
    return shape.faces()


def tree(rng: np.random.Generator, height: float, layer: int = BESIDE) -> Faces:
    """A tree in leaf, ``height`` metres tall, with its foot at the origin."""
    shape = Shape(TREE, layer)
    fork, middle = np.array([0, 0.36 * height, 0]), np.array([0, 0.64 * height, 0])
    shape.tube([(0, 0, 0), 0.5 * fork, fork], [0.022 * height, 0.017 * height, 0.014 * height], BARK, 6)
    slender = rng.uniform(0.5, 1.0)
    reach = height * np.array([0.3 * slender, 0.34, 0.3 * slender])
    for direction in rng.normal(0, 1, (5, 3)) * (1, 0.4, 1):
        end = middle + 0.5 * reach * direction
        shape.tube([fork, end], [0.01 * height, 0.004 * height], BARK, 4, far=40.0)
    leaf = np.array(LEAF_COLORS[rng.integers(len(LEAF_COLORS))])
    for count, size, near, far in ((400, 0.055, 0.0, 24.0), (80, 0.12, 24.0, np.inf)):
        _leaves(shape, rng, (middle, reach, leaf), count, size * height, near=near, far=far)
    return shape.faces()


def _leaves(shape: Shape, rng: np.random.Generator, crown: tuple[np.ndarray, ...], count: int, size: float,
            **distances: Any) -> None:
    """Twigs with leaves as small faces in the crown (middle, reach, colour), darker low down and inside."""
    middle, reach, leaf = crown
    outwards = rng.normal(0, 1, (count, 3))
    outwards *= (rng.uniform(0.1, 1, (count, 1)) ** 0.4) / np.linalg.norm(outwards, axis=1, keepdims=True)
    across, other = rng.normal(0, size, (2, count, 3))
    places = middle + reach * outwards
    corners = np.stack([places - across, places - other, places + across, places + other], 1)
    shade = 0.35 + 0.5 * np.linalg.norm(outwards, axis=1) + 0.25 * outwards[:, 1]
    shade *= rng.uniform(0.7, 1.25, count)
    shape.add(corners, shade[:, None] * leaf, material=LEAVES, **distances)
