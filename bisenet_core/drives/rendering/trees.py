"""Trees: a trunk with branches, and a crown of leaves."""

from typing import Any

import numpy as np

from bisenet_core.drives.rendering.faces import BESIDE, TREE, Faces, Shape
from bisenet_core.drives.rendering.materials import LEAVES

LEAF_COLORS = ((122, 126, 82), (140, 128, 84), (88, 100, 72), (104, 112, 70))
BARK = (74, 64, 54)


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
