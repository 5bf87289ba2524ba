"""Flat faces with four corners: all that the street is made of, and how things are built of them."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from bisenet_core.labels.label_space import CAMVID_11

#: Ids of CamVid's classes.
(SKY, BUILDING, POLE, ROAD, PAVEMENT, TREE, SIGN, FENCE, CAR, PEDESTRIAN,
 BICYCLIST) = range(CAMVID_11.num_classes)
#: Where a thing stands. Near us what is on the road hides what is beside it, and that what is behind it.
GROUND, BEHIND, BESIDE, ON_ROAD = range(4)

#: A face's look. ``color``: RGB 0..255. ``normal``: a unit vector, zero for a face seen from both sides.
#: ``gloss``: the share of mirrored surroundings, ``glow`` that of the colour which shines by itself.
#: ``nearer``: metres that a face counts as nearer than it is, to be painted over its neighbours. ``label``: a
#: class id. ``material``: an index of `materials`. It is shown at distances from ``near`` to ``far`` metres.
LOOK = np.dtype([("color", "f4", 3), ("normal", "f4", 3), ("gloss", "f4"), ("glow", "f4"), ("nearer", "f4"),
                 ("label", "u1"), ("layer", "i4"), ("material", "i4"), ("near", "f4"), ("far", "f4")])


Corner = Sequence[float] | np.ndarray


class Faces(NamedTuple):
    """``corners`` Nx4x3 float32 in metres (right, up, forward), ``look`` N records of LOOK."""

    corners: np.ndarray
    look: np.ndarray

    def where(self, chosen: np.ndarray) -> "Faces":
        """The faces that a mask or an array of indices picks."""
        return Faces(self.corners[chosen], self.look[chosen])

    def at(self, place: ArrayLike, heading: float = 0.0) -> "Faces":
        """The same thing moved to ``place`` (x, y, z) and turned right by ``heading`` radians."""
        sine, cosine = np.sin(heading), np.cos(heading)
        turn = np.array([[cosine, 0, -sine], [0, 1, 0], [sine, 0, cosine]], np.float32)
        look = self.look.copy()
        look["normal"] = look["normal"] @ turn
        return Faces(self.corners @ turn + np.asarray(place, np.float32), look)


def join(parts: Sequence[Faces]) -> Faces:
    """All faces of several things."""
    return Faces(np.concatenate([part.corners for part in parts]), np.concatenate([p.look for p in parts]))


def normals_of(corners: np.ndarray) -> np.ndarray:
    """Unit normals Nx3 of faces Nx4x3, to either side."""
    normal = np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1])
    return normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)


class Shape:
    """Collects the faces of one thing. ``detail`` scales the number of sides of what is round; ``look`` holds
    the fields of LOOK that all faces share."""

    def __init__(self, label: int, layer: int = BESIDE, detail: float = 1.0, **look: Any) -> None:
        self.detail = detail
        self._common = {"label": label, "layer": layer, "far": np.inf, **look}
        self._parts: list[Faces] = []

    def add(self, corners: ArrayLike, color: ArrayLike, solid: bool = False, **look: Any) -> None:
        """Add faces ...x4x3; a look is one value or one for each. Of a ``solid`` only the outside is seen."""
        places = np.asarray(corners, np.float32).reshape(-1, 4, 3)
        rows = np.zeros(len(places), LOOK)
        for name, value in {**self._common, "color": color, **look}.items():
            rows[name] = value
        if solid:
            normal, outwards = normals_of(places), places.mean(1) - places.mean((0, 1))
            rows["normal"] = normal * np.sign(np.sum(normal * outwards, 1, keepdims=True))
        self._parts.append(Faces(places, rows))

    def rectangle(self, low: Sequence[float], high: Sequence[float], color: ArrayLike, **look: Any) -> None:
        """An upright or level rectangle between two corners that share one coordinate."""
        (x0, y0, z0), (x1, y1, z1) = low, high
        between = (x1, y0, z0) if x0 != x1 else (x0, y1, z0)
        other = (x0, y1, z1) if x0 != x1 else (x0, y0, z1)
        self.add([low, between, high, other], color, **look)

    def box(self, low: Corner, high: Corner, color: ArrayLike, **look: Any) -> None:
        """An upright box between two corners."""
        vertices = np.array([(x, y, z) for x in (low[0], high[0]) for y in (low[1], high[1])
                             for z in (low[2], high[2])])
        sides = [[0, 4, 6, 2], [5, 1, 3, 7], [1, 0, 2, 3], [4, 5, 7, 6], [2, 6, 7, 3], [1, 5, 4, 0]]
        self.add(vertices[sides], color, solid=True, **look)

    def tube(self, points: Sequence[ArrayLike], radii: Sequence[float], color: ArrayLike, sides: int = 7,
             squash: float = 1.0, **look: Any) -> None:
        """A tube along ``points`` with a radius at each; ``squash`` scales it across z."""
        path = np.asarray(points, np.float32)
        along = np.gradient(path, axis=0)
        side = np.cross(along, np.where(np.abs(along[:, :1]) > np.abs(along[:, 1:2]), (0, 1, 0), (1, 0, 0)))
        side /= np.maximum(np.linalg.norm(side, axis=1, keepdims=True), 1e-9)
        other = np.cross(along / np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9), side)
        ring = np.cos(self._turn(sides)) * side[:, None] + np.sin(self._turn(sides)) * other[:, None]
        rings = path[:, None] + np.asarray(radii, np.float32)[:, None, None] * ring * (1, 1, squash)
        self.loft(rings, color, **look)

    def loft(self, rings: np.ndarray, color: ArrayLike, **look: Any) -> None:
        """The solid skin over ``rings`` RxCx3: (R - 1) x (C - 1) faces, where each ring's ends meet."""
        low, high = rings[:-1], rings[1:]
        self.add(np.stack([low[:, :-1], high[:, :-1], high[:, 1:], low[:, 1:]], 2), color, solid=True, **look)

    def disc(self, centre: ArrayLike, axes: tuple[int, int], radius: float, color: ArrayLike, sides: int = 14,
             inner: float = 0.0, **look: Any) -> None:
        """A disc or ring, seen from both sides, in the plane of two ``axes`` (0 for x, 1 for y, 2 for z)."""
        rim = np.zeros((len(self._turn(sides)), 3))
        rim[:, axes] = np.concatenate([np.sin(self._turn(sides)), np.cos(self._turn(sides))], 1)
        near, far = (np.asarray(centre) + size * rim for size in (inner, radius))
        self.add(np.stack([near[:-1], far[:-1], far[1:], near[1:]], 1), color, **look)

    def _turn(self, sides: int) -> np.ndarray:
        return np.linspace(0, 2 * np.pi, max(3, round(sides * self.detail)) + 1)[:, None]

    def faces(self) -> Faces:
        return join(self._parts)
