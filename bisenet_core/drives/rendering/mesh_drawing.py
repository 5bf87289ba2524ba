"""Solid things made of small flat faces: how they are shaded and painted."""

from typing import Callable, Dict, Tuple

import cv2
import numpy as np
from numpy.typing import ArrayLike

from bisenet_core.drives.rendering.camera import Camera
from bisenet_core.drives.rendering.canvas import SHIFT, Canvas
from bisenet_core.drives.rendering.light import HAZE_COLOR, SUN, Sky, haze, irradiance, reflection
from bisenet_core.drives.rendering.mesh import Mesh
from bisenet_core.drives.rendering.panels import NEAR

#: Things on the street smaller than this part of the picture's width are left out.
SMALLEST = 0.05
#: Things larger than this part of the picture are painted without smooth edges: it would take too long.
LARGE = 0.25


class Levels:
    """A thing's meshes from fine to coarse, each for half the size of the last, built when first needed.

    ``radius`` is that of a ball around its origin that holds them all.
    """

    def __init__(self, radius: float, *builders: Callable[[], Mesh]) -> None:
        self.radius = radius
        self._builders = builders
        self._meshes: Dict[int, Mesh] = {}

    def at(self, camera: Camera, depth: float) -> Mesh:
        """The mesh that suits a thing at a depth."""
        size = 2 * self.radius * camera.focal / (max(depth, NEAR) * camera.width)
        level = min(len(self._builders) - 1, max(0, int(np.log2(0.42 / size) + 1)))
        if level not in self._meshes:
            self._meshes[level] = self._builders[level]()
        return self._meshes[level]


def single(mesh: Mesh, least_radius: float = 0.0) -> Levels:
    """A mesh that does for all distances; ``least_radius`` keeps a small thing in the picture for longer."""
    return Levels(max(mesh.radius, least_radius), lambda: mesh)


def draw_mesh(canvas: Canvas, camera: Camera, mesh: Mesh, place: ArrayLike, heading: float, label: int,
              sunlit: float = 1.0) -> None:
    """Draw ``mesh`` at ``place`` (x, y, z), turned right by ``heading`` radians, with exact perspective."""
    offset = camera.rotation @ (np.asarray(place) - camera.position)
    if not camera.sees(offset.tolist(), mesh.radius, 0.3 * SMALLEST * camera.width):
        return
    # All further work is done in camera axes: one rotation for places and normals.
    turn = (camera.rotation @ _turn(heading)).T.astype(np.float32)
    offset = offset.astype(np.float32)
    corners, centres, normals = (
        mesh.vertices @ turn + offset,
        mesh.centres @ turn + offset,
        mesh.normals @ turn,
    )
    facing = np.einsum("ij,ij->i", centres, normals)
    visible = (facing < 0) | mesh.two_sided
    if offset[2] - mesh.radius <= NEAR:
        visible &= corners[:, 2][mesh.faces].min(1) > NEAR
    shown = np.flatnonzero(visible)
    if not len(shown):
        return
    views = centres[shown]
    distance = np.sqrt(np.einsum("ij,ij->i", views, views))
    shown, views, distance = _far_to_near(shown, views, distance, mesh.nearer[shown])
    outward = normals[shown] * -np.sign(facing[shown])[:, None]
    colors = _shade(mesh, shown, outward, views / distance[:, None], sunlit, camera.rotation)
    veil = haze(float(offset[2]))
    colors = np.clip(colors * (1 - veil) + HAZE_COLOR * veil, 0, 255).astype(np.uint8)
    pixels = corners[:, :2] * (camera.focal / np.maximum(corners[:, 2:], 1e-3)) + np.array(
        camera.centre, np.float32
    )
    _fill(canvas, pixels[mesh.faces[shown]], colors, label)


def _turn(heading: float) -> np.ndarray:
    sine, cosine = np.sin(heading), np.cos(heading)
    return np.array([[cosine, 0, sine], [0, 1, 0], [-sine, 0, cosine]])


def _far_to_near(shown: np.ndarray, views: np.ndarray, distance: np.ndarray,
                 nearer: np.ndarray) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    order = np.argsort(nearer - distance, kind="stable")
    return shown[order], views[order], distance[order]


def _shade(mesh: Mesh, shown: np.ndarray, normals: np.ndarray, views: np.ndarray, sunlit: float,
           rotation: np.ndarray) -> np.ndarray:
    """Colours (RGB, 0 and up) of the faces ``shown``; normals and views are in camera axes."""
    sky = Sky(rotation[:, 1].astype(np.float32), (rotation @ SUN).astype(np.float32))
    lit = irradiance(normals, sunlit, sky)
    lit += mesh.glow[shown, None] * (1 - lit)
    color = mesh.colors[shown] * lit
    gloss = mesh.gloss[shown, None]
    if gloss.any():
        color += gloss * reflection(normals, views, sky)
    return np.minimum(color, 255)


def _fill(canvas: Canvas, quads: np.ndarray, colors: np.ndarray, label: int) -> None:
    """Paint quads Mx4x2 in their order; small things at twice the resolution, for smooth edges."""
    flat = quads.reshape(-1, 2)
    box = canvas.clip(flat.min(0).tolist(), flat.max(0).tolist())
    left, top, right, bottom = box
    if left >= right or top >= bottom:
        return
    size = (right - left, bottom - top)
    finer = 1 if size[0] * size[1] > LARGE * canvas.labels.size else 2
    fine = np.zeros((finer * size[1], finer * size[0], 4), np.uint8)
    local = np.clip(((quads - (left, top)) * finer + (finer - 1) / 2) * 2 ** SHIFT, -2 ** 24, 2 ** 24)
    points = np.rint(local).astype(np.int32)
    for quad, color in zip(points, colors.tolist()):
        cv2.fillConvexPoly(fine, quad, (color[0], color[1], color[2], 255), cv2.LINE_8, SHIFT)
    canvas.blend(box, fine if finer == 1 else cv2.resize(fine, size, interpolation=cv2.INTER_AREA), label)
