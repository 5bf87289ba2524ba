"""Road, kerbs and pavements, found for every pixel by crossing its ray with their planes."""

from typing import Callable, NamedTuple, Tuple

import cv2
import numpy as np

from bisenet_core.drives.rendering.camera import Camera
from bisenet_core.drives.rendering.canvas import Canvas
from bisenet_core.drives.rendering.classes import PAVEMENT, ROAD
from bisenet_core.drives.rendering.light import HAZE_COLOR, HAZE_LENGTH
from bisenet_core.drives.rendering.road_surface import (
    DENSITY,
    EDGE,
    KERB,
    KERB_HEIGHT,
    PERIOD,
    ground_picture,
)

#: Rays that would meet the ground farther away than this end here (metres).
FARTHEST = 400.0


class GroundPixels(NamedTuple):
    """Where the pixels of the rows from ``first_row`` on meet the ground; all HxW float32 or bool.

    ``x`` is metres right of the street's middle line, ``z`` metres along the street.
    """

    first_row: int
    x: np.ndarray
    z: np.ndarray
    paved: np.ndarray
    kerb_face: np.ndarray


def meet_ground(camera: Camera, middle: Callable[[np.ndarray], np.ndarray]) -> GroundPixels:
    """Cross the pixels' rays with the road (height 0) and the pavements (KERB_HEIGHT).

    ``middle(z)`` gives the x of the street's middle line. A ray that meets the pavement's plane inside the
    road but the road's plane outside it has hit the kerb's upright face.
    """
    first_row = min(camera.height, max(0, int(np.floor(camera.horizon_row())) + 1))
    dx, dy, dz = camera.rays(first_row)
    down = np.minimum(dy, -1e-6)

    def cross(plane: float) -> Tuple[np.ndarray, np.ndarray]:
        reach = np.minimum((plane - camera.position[1]) / down, FARTHEST)
        z = camera.position[2] + reach * dz
        return camera.position[0] + reach * dx - middle(z), z

    road_x, road_z = cross(0.0)
    walk_x, walk_z = cross(KERB_HEIGHT)
    paved = np.abs(walk_x) > KERB
    face = ~paved & (np.abs(road_x) > KERB)
    x = np.where(paved, walk_x, road_x)
    x = np.where(face, np.sign(road_x) * (KERB + 0.06), x)
    return GroundPixels(first_row, x, np.where(paved, walk_z, road_z), paved, face)


class Ground:
    """Paints the ground from one repeating picture, kept at several sizes against flicker in the distance."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._levels = {(0, 0): ground_picture(rng)}

    def _level(self, shrink_x: int, shrink_z: int) -> np.ndarray:
        key = (shrink_x, shrink_z)
        if key not in self._levels:
            picture = self._levels[0, 0]
            size = (max(2, picture.shape[1] >> shrink_x), max(2, picture.shape[0] >> shrink_z))
            self._levels[key] = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        return self._levels[key]

    def draw(self, canvas: Canvas, camera: Camera, pixels: GroundPixels) -> None:
        """Paint the rows under the horizon, colours without shadows, and the labels Road and Pavement."""
        height = canvas.labels.shape[0] - pixels.first_row
        if height <= 0:
            return
        reach = np.maximum(pixels.z.mean(1) - camera.position[2], 0.3)
        shrink_x = _halvings(reach * DENSITY / camera.focal)
        shrink_z = _halvings(reach ** 2 * DENSITY / (camera.focal * camera.position[1]))
        cuts = np.flatnonzero(np.diff(shrink_x) | np.diff(shrink_z)) + 1
        for start, stop in zip([0, *cuts], [*cuts, height]):
            rows = slice(pixels.first_row + start, pixels.first_row + stop)
            level = self._level(int(shrink_x[start]), int(shrink_z[start]))
            canvas.image[rows] = _sample(level, pixels.x[start:stop], pixels.z[start:stop])
        image = canvas.image[pixels.first_row:]
        image[pixels.kerb_face] = image[pixels.kerb_face] * np.float32(0.62)
        _fade(image, reach)
        outside = pixels.paved | pixels.kerb_face
        canvas.labels[pixels.first_row:] = np.where(outside, np.uint8(PAVEMENT), np.uint8(ROAD))


def _halvings(shrink: np.ndarray) -> np.ndarray:
    return np.clip(np.round(np.log2(np.maximum(shrink, 1e-3)) - 0.15), 0, 9).astype(int)


def _sample(level: np.ndarray, x: np.ndarray, z: np.ndarray) -> np.ndarray:
    columns = (np.clip(x, -EDGE, EDGE) + EDGE) * (level.shape[1] / (2 * EDGE)) - 0.5
    rows = np.mod(z, PERIOD) * (level.shape[0] / PERIOD) - 0.5
    return cv2.remap(level, columns, rows.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)


def _fade(image: np.ndarray, reach: np.ndarray) -> None:
    """Haze, row by row, for the rows that lie far enough away to show it."""
    far = int(np.sum(reach > 8.0))
    share = (1 - np.exp(-reach[:far] / HAZE_LENGTH)).astype(np.float32)[:, None, None]
    image[:far] = image[:far] * (1 - share) + share * HAZE_COLOR
