"""Textured flat panels in perspective: walls, roofs, hedges, railings, signs; and upright sprites."""

import math
from typing import Dict, List, Optional, Tuple

import cv2
import numpy as np

from bisenet_core.drives.rendering.camera import Camera
from bisenet_core.drives.rendering.canvas import Box, Canvas, polygon_mask
from bisenet_core.drives.rendering.light import haze

#: Nothing nearer than this (metres) is drawn.
NEAR = 0.45
#: A panel is cut where its depth has grown by this factor, so that each piece needs one texture scale only.
SLICE_RATIO = 2.0
#: Panels smaller than this part of the picture's width are left out.
SMALLEST = 0.012


class Texture:
    """An image hxwx3 or hxwx4 (premultiplied RGBA) uint8 with smaller copies, each axis by itself.

    Walls beside the road are squeezed along the street much more than in height; shrinking the axes one
    by one keeps them sharp without flicker. ``region`` hxw uint8 tells, for a see-through texture, which
    pixels belong to the thing (a railing's panel, a bare tree's crown); None means where it is opaque.
    """

    def __init__(self, image: np.ndarray, region: Optional[np.ndarray] = None) -> None:
        self.image = np.ascontiguousarray(image)
        self.region = region
        self._smaller: Dict[Tuple[int, int], Tuple[np.ndarray, Optional[np.ndarray]]] = {
            (0, 0): (self.image, region)
        }

    @property
    def has_alpha(self) -> bool:
        """Whether the image has an alpha channel."""
        return self.image.shape[2] == 4

    def level(self, shrink_x: float, shrink_y: float) -> Tuple[np.ndarray, Optional[np.ndarray]]:
        """Image and region, halved as often as fits the wanted shrink factors (1 = full size)."""
        height, width = self.image.shape[:2]
        key = (min(_halvings(shrink_x), int(np.log2(width))), min(_halvings(shrink_y), int(np.log2(height))))
        if key not in self._smaller:
            size = (max(1, width >> key[0]), max(1, height >> key[1]))
            region = (
                None if self.region is None else cv2.resize(self.region, size, interpolation=cv2.INTER_AREA)
            )
            self._smaller[key] = cv2.resize(self.image, size, interpolation=cv2.INTER_AREA), region
        return self._smaller[key]


def _halvings(shrink: float) -> int:
    return max(0, int(math.log2(max(shrink, 1e-6)) + 0.4))


def draw_panel(canvas: Canvas, camera: Camera, texture: Texture, corners: np.ndarray, label: int) -> None:
    """Draw a flat panel. ``corners`` 4x3: bottom start, bottom end, top end, top start (world, metres).

    The texture runs from the start edge (left) to the end edge, top row at the top.
    """
    place = camera.to_camera(corners)
    reach = float(np.linalg.norm(place[0] - place[2])) / 2
    if not camera.sees(((place[0] + place[2]) / 2).tolist(), reach, SMALLEST * camera.width):
        return
    depth = place[:, 2].tolist()
    start, end = min(depth[0], depth[3]), min(depth[1], depth[2])
    if max(start, end) < NEAR:
        return
    for first, last in _slices(start, end):
        _draw_slice(canvas, camera, texture, place.tolist(), (first, last), label)


def _slices(start: float, end: float) -> List[Tuple[float, float]]:
    """Parts (first, last) of 0..1 along the panel, farthest first, each within SLICE_RATIO of depth."""
    low, high = sorted((max(start, NEAR), max(end, NEAR)))
    count = min(8, max(1, math.ceil(math.log(high / low) / math.log(SLICE_RATIO))))
    span = end - start
    if abs(span) < 1e-6:
        return [(0.0, 1.0)]
    cuts = [min(1.0, max(0.0, (high * (low / high) ** (i / count) - start) / span)) for i in range(count + 1)]
    return [(min(pair), max(pair)) for pair in zip(cuts[:-1], cuts[1:])]


def _draw_slice(canvas: Canvas, camera: Camera, texture: Texture, corners: List[List[float]],
                part: Tuple[float, float], label: int) -> None:
    # Four points only: plain numbers are several times faster here than arrays.
    ends = [(corners[0], corners[1], part[0]), (corners[0], corners[1], part[1]),
            (corners[3], corners[2], part[1]), (corners[3], corners[2], part[0])]
    points = [[p + share * (q - p) for p, q in zip(start, end)] for start, end, share in ends]
    if min(point[2] for point in points) < 0.5 * NEAR:
        return
    (u, v), focal = camera.centre, camera.focal
    spots = [(u + focal * x / z, v + focal * y / z) for x, y, z in points]
    low, high = ([pick(spot[axis] for spot in spots) for axis in (0, 1)] for pick in (min, max))
    box = canvas.clip(low, high)
    if box[0] >= box[2] or box[1] >= box[3]:
        return
    pixels = np.array(spots)
    height, width = texture.image.shape[:2]
    across, right, top, left = (math.dist(a, b) for a, b in zip(spots, spots[1:] + spots[:1]))
    across, upright = max(across, top, 0.5), max(left, right, 0.5)
    image, region = texture.level(width * (part[1] - part[0]) / across, height / upright)
    matrix = _texture_to_pixels(image.shape, part, pixels - box[:2])
    veil = haze(sum(point[2] for point in points) / 4)
    warped = _warp(image, matrix, box)
    mask = polygon_mask(pixels, box)
    if not texture.has_alpha:
        canvas.paint(box, warped, mask, label, veil)
        return
    warped = cv2.copyTo(warped, mask)
    inside = None if region is None else cv2.bitwise_and(_warp(region, matrix, box), mask)
    canvas.blend(box, warped, label, veil, inside)


def _texture_to_pixels(shape: Tuple[int, ...], part: Tuple[float, float], pixels: np.ndarray) -> np.ndarray:
    height, width = shape[:2]
    left, right = part[0] * width - 0.5, part[1] * width - 0.5
    source = np.array([[left, height - 0.5], [right, height - 0.5], [right, -0.5], [left, -0.5]], np.float32)
    return cv2.getPerspectiveTransform(source, pixels.astype(np.float32))


def _warp(image: np.ndarray, matrix: np.ndarray, box: Box) -> np.ndarray:
    size = (box[2] - box[0], box[3] - box[1])
    return cv2.warpPerspective(image, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def draw_sprite(canvas: Canvas, camera: Camera, texture: Texture, foot: np.ndarray, size: Tuple[float, float],
                label: int) -> None:
    """An upright picture that faces us: ``foot`` bottom middle, ``size`` width and height (m)."""
    if camera.to_camera(np.asarray(foot)[None])[0, 2] < 2 * NEAR:
        return
    half = camera.rotation[0] * size[0] / 2
    up = np.array([0.0, size[1], 0.0])
    corners = np.array([foot - half, foot + half, foot + half + up, foot - half + up])
    draw_panel(canvas, camera, texture, corners, label)
