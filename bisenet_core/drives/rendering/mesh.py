"""Solid things made of small flat faces: how they are built."""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, List, Sequence, Tuple

import numpy as np
from numpy.typing import ArrayLike


@dataclass(frozen=True)
class Mesh:
    """``vertices`` Nx3 metres (right, up, forward), ``faces`` Mx4 indices, ``colors`` Mx3 RGB 0..255.

    ``gloss`` M is the share of the mirrored surroundings, ``glow`` M the share of the colour that shines by
    itself, ``nearer`` M moves a face towards the eye (metres) in the order of painting; ``two_sided`` M.
    """

    vertices: np.ndarray
    faces: np.ndarray
    colors: np.ndarray
    gloss: np.ndarray
    glow: np.ndarray
    nearer: np.ndarray
    two_sided: np.ndarray

    @cached_property
    def normals(self) -> np.ndarray:
        """Unit normals Mx3."""
        corner = self.vertices[self.faces]
        # The axes are left-handed (right, up, forward), hence this order of the diagonals.
        normal = _cross(corner[:, 3] - corner[:, 1], corner[:, 2] - corner[:, 0])
        return (normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)).astype(np.float32)


    @cached_property
    def centres(self) -> np.ndarray:
        """Middles of the faces Mx3."""
        return self.vertices[self.faces].mean(1)

    @cached_property
    def radius(self) -> float:
        """Of the ball around the origin that holds everything."""
        return float(np.linalg.norm(self.vertices, axis=1).max())


class MeshBuilder:
    """Collects faces; ``build`` makes the Mesh. ``detail`` scales the number of sides of what is round."""

    def __init__(self, detail: float = 1.0) -> None:
        self.detail = detail
        self._vertices: List[np.ndarray] = []
        self._faces: List[np.ndarray] = []
        self._looks: List[np.ndarray] = []
        self._count = 0

    def add(
        self,
        vertices: ArrayLike,
        faces: ArrayLike,
        color: ArrayLike,
        gloss: ArrayLike = 0.0,
        glow: float = 0.0,
        nearer: float = 0.0,
        two_sided: bool = False,
    ) -> None:
        """Add faces Mx4 over their own vertices Nx3; a look is one value for all faces or one for each."""
        places = np.asarray(vertices, np.float32).reshape(-1, 3)
        corners = np.asarray(faces, np.int32).reshape(-1, 4)
        look = np.zeros((len(corners), 7), np.float32)
        look[:, :3] = color
        for column, value in zip(range(3, 7), (gloss, glow, nearer, two_sided)):
            look[:, column] = value
        self._vertices.append(places)
        self._faces.append(corners + self._count)
        self._looks.append(look)
        self._count += len(places)

    def quad(self, corners: ArrayLike, color: ArrayLike, **look: Any) -> None:
        """One face from four corners, anticlockwise as seen from outside."""
        self.add(corners, [[0, 1, 2, 3]], color, **look)

    def box(self, low: Sequence[float], high: Sequence[float], color: ArrayLike, **look: Any) -> None:
        """An upright box between two corners."""
        (x0, y0, z0), (x1, y1, z1) = low, high
        vertices = [(x, y, z) for x in (x0, x1) for y in (y0, y1) for z in (z0, z1)]
        faces = [[0, 4, 6, 2], [5, 1, 3, 7], [1, 0, 2, 3], [4, 5, 7, 6], [2, 6, 7, 3], [1, 5, 4, 0]]
        self.add(vertices, faces, color, **look)

    def tube(self, points: Sequence[ArrayLike], radii: Sequence[float], color: ArrayLike, sides: int = 7,
             squash: float = 1.0, **look: Any) -> None:
        """A tube along ``points`` with a radius at each; ``squash`` scales it across z."""
        path = np.asarray(points, np.float32)
        sides = self._sides(sides)
        angle = np.arange(sides) * 2 * np.pi / sides
        side, other = _across(path)
        ring = np.cos(angle)[None, :, None] * side[:, None] + np.sin(angle)[None, :, None] * other[:, None]
        rings = path[:, None] + np.asarray(radii, np.float32)[:, None, None] * ring * (1, 1, squash)
        self.add(rings, grid_faces(len(path), sides), color, **look)

    def disc(self, centre: np.ndarray, normal_x: float, radius: float, color: ArrayLike, sides: int = 14,
             inner: float = 0.0, **look: Any) -> None:
        """A disc or ring that faces +x or -x (``normal_x`` 1 or -1)."""
        sides = self._sides(sides)
        angle = normal_x * np.arange(sides) * 2 * np.pi / sides
        rim = np.stack([np.zeros(sides), np.cos(angle), np.sin(angle)], 1)
        vertices = np.concatenate([centre + inner * rim, centre + radius * rim])
        self.add(vertices, grid_faces(2, sides)[:, ::-1], color, **look)

    def _sides(self, sides: int) -> int:
        return max(3, round(sides * self.detail))

    def build(self) -> Mesh:
        """The mesh of all that was added."""
        look = np.concatenate(self._looks)
        return Mesh(np.concatenate(self._vertices), np.concatenate(self._faces), look[:, :3],
                    look[:, 3], look[:, 4], look[:, 5], look[:, 6] > 0)


@lru_cache(maxsize=256)
def grid_faces(rows: int, cols: int, closed: bool = True) -> np.ndarray:
    """Faces between ``rows`` rings of ``cols`` vertices each, numbered ring by ring."""
    r, c = np.meshgrid(np.arange(rows - 1), np.arange(cols if closed else cols - 1), indexing="ij")
    after = (c + 1) % cols
    return np.stack([r * cols + c, (r + 1) * cols + c, (r + 1) * cols + after, r * cols + after], -1).reshape(
        -1, 4
    )


def _across(path: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Two unit vectors at each point of a path, across it and across each other: Nx3 each."""
    along = np.empty_like(path)
    along[1:-1], along[0], along[-1] = path[2:] - path[:-2], path[1] - path[0], path[-1] - path[-2]
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
    # Across the x axis where possible, so that squashed tubes keep their broad side to the front.
    x, y, z = along.T
    steep, none = np.abs(x) >= 0.8, np.zeros_like(x)
    side = np.stack([np.where(steep, -y, none), np.where(steep, x, -z), np.where(steep, none, y)], 1)
    side /= np.maximum(np.linalg.norm(side, axis=1, keepdims=True), 1e-9)
    return side, _cross(along, side)


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Cross products of the rows of two Nx3 arrays; numpy's own is several times slower for few rows."""
    (ax, ay, az), (bx, by, bz) = a.T, b.T
    return np.stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx], 1)
