"""From faces to a picture with labels: a map of the face that every pixel shows, then light and shadows."""

from typing import NamedTuple

import cv2
import numpy as np

from bisenet_core.drives.rendering.camera import Camera
from bisenet_core.drives.rendering.faces import GROUND, SKY, Faces, normals_of
from bisenet_core.drives.rendering.light import (
    HAZE_COLOR,
    SUN,
    Sky,
    from_sky,
    from_sun,
    haze,
    reflection,
)
from bisenet_core.drives.rendering.materials import DENSITY, SIDE

#: Nothing nearer than this (metres) is drawn; farther away than this, distance alone decides what hides what.
NEAREST, STRAIGHT_REACH = 0.3, 40.0
#: Sub-pixel positions in OpenCV's polygon filling: 2^4 steps.
SHIFT = 4
#: Pixels by which polygons are made smaller, since OpenCV draws an outline around what it fills.
INSET = 0.4
#: Metres of ground on which shadows are drawn: to each side, behind and ahead; and pixels to the metre.
BESIDE_US, BEHIND_US, AHEAD_OF_US, SHADOW_DENSITY = 14.0, 4.0, 52.0, 20
#: A thing (not the ground) lies in the shadow of what is this much higher (metres).
CLEARANCE = 1.8


class Seen(NamedTuple):
    """The faces in view from far to near: with their corners in pixels Nx4x2, their unit normals towards the
    eye Nx3, directions to their middles Nx3, and distances N in metres."""

    faces: Faces
    pixels: np.ndarray
    normals: np.ndarray
    views: np.ndarray
    distance: np.ndarray


def fill(target: np.ndarray, quads: np.ndarray, values: np.ndarray) -> None:
    """Fill quads Nx4x2 (x and y in pixels of ``target``) in their order, each with its value."""
    edges = np.roll(quads, -1, 1) - quads
    edges *= np.minimum(INSET / np.maximum(np.linalg.norm(edges, axis=2, keepdims=True), 1e-6), 0.25)
    quads = quads + edges - np.roll(edges, 1, 1)
    fixed = np.rint(np.clip(quads * 2 ** SHIFT, -2 ** 24, 2 ** 24)).astype(np.int32)
    for quad, value in zip(fixed, values.tolist()):
        cv2.fillConvexPoly(target, quad, value, cv2.LINE_8, SHIFT)


def look_at(faces: Faces, camera: Camera) -> Seen:
    """Choose the faces that ``camera`` sees, and order them so that later ones hide earlier ones."""
    towards = faces.corners.mean(1) - np.asarray(camera.position, np.float32)
    distance = np.linalg.norm(towards, axis=1)
    look = faces.look
    facing = np.einsum("ij,ij->i", look["normal"], towards)
    shown = np.flatnonzero((facing <= 0) & (distance >= look["near"]) & (distance < look["far"]))
    pixels, depth = camera.project(faces.corners[shown])
    inside = (pixels.max(1) > -1) & (pixels.min(1) < (camera.width, camera.height))
    inside = (depth.min(1) > NEAREST) & inside.all(1)
    shown, pixels = shown[inside], pixels[inside]
    ground, near = look["layer"][shown] == GROUND, distance[shown] < STRAIGHT_REACH
    depth = np.where(ground, 0, look["nearer"][shown] - distance[shown])
    order = np.lexsort((depth, np.where(near, look["layer"][shown], 0), near & ~ground, ~ground))
    shown, pixels = shown[order], pixels[order]
    views = towards[shown] / distance[shown, None]
    normals = normals_of(faces.corners[shown])
    normals *= -np.sign(np.einsum("ij,ij->i", normals, views))[:, None]
    return Seen(faces.where(shown), pixels, normals, views, distance[shown])


class Painter:
    """Draws faces as a camera sees them under ``sky``; ``tiles`` are those of `materials`."""

    def __init__(self, tiles: np.ndarray, sky: Sky) -> None:
        self._tiles, self._sky = tiles, sky

    def paint(self, faces: Faces, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
        """Image HxWx3 uint8 RGB with smooth edges, and labels HxW uint8 of what is at the pixels' middles."""
        seen = look_at(faces, camera)
        size = (camera.width, camera.height)
        fine = np.zeros((2 * camera.height + 1, 2 * camera.width + 1), np.int32)
        fill(fine, 2 * seen.pixels, np.arange(1, len(seen.distance) + 1))
        index = fine[:-1:2, :-1:2]
        shadow = shadow_map(faces, camera)
        light, dark = _colors(seen)
        shaded = light.astype(np.uint8)[fine[:-1, :-1]]  # bytes, which are resized four times as fast
        image = cv2.resize(shaded, size, interpolation=cv2.INTER_AREA).astype(np.float32)
        drawn = cv2.resize((fine[:-1, :-1] > 0).astype(np.float32), size, interpolation=cv2.INTER_AREA)
        image *= self._surface(seen, index, camera, shadow, dark / np.maximum(light, 1))
        image += (1 - drawn)[..., None] * self._sky.seen_by(camera)
        labels = np.append(np.uint8(SKY), seen.faces.look["label"])
        return np.clip(image, 0, 255).astype(np.uint8), labels[index]

    def _surface(self, seen: Seen, index: np.ndarray, camera: Camera, shadow: np.ndarray,
                 shade: np.ndarray) -> np.ndarray:
        """Factors HxWx3 float32 of brightness at every pixel: its material's pattern, and shadows."""
        factors = np.ones((*index.shape, 3), np.float32)
        rows, cols = np.nonzero(index)
        face = index[rows, cols] - 1
        corner, normal = seen.faces.corners[face, 0], seen.normals[face].astype(np.float32)
        ray, eye = camera.rays()[rows, cols], np.asarray(camera.position, np.float32)
        along = np.einsum("ij,ij->i", ray, normal)
        depth = np.einsum("ij,ij->i", corner - eye, normal) / np.where(np.abs(along) < 1e-6, -1e-6, along)
        depth = np.clip(depth, NEAREST, 300)
        place = eye + depth[:, None] * ray
        pattern = self._pattern(seen.faces.look["material"][face], normal, place)
        finest = np.minimum(1, 1.5 * camera.focal / (DENSITY * depth))  # what is smaller than a pixel fades
        clearance = np.where(seen.faces.look["layer"][face] == GROUND, 0.1, CLEARANCE)
        hidden = _hidden(shadow, place, clearance, camera) & (seen.distance[face] < AHEAD_OF_US)
        factors[rows, cols] = (1 + finest * (pattern - 1))[:, None]
        factors[rows[hidden], cols[hidden]] *= shade[face[hidden] + 1]
        return factors

    def _pattern(self, material: np.ndarray, normal: np.ndarray, place: np.ndarray) -> np.ndarray:
        """Each place's factor in the tile of its material, which lies along walls and on level ground."""
        level = np.abs(normal[:, 1]) > 0.7
        across = np.where(np.abs(normal[:, 0]) > np.abs(normal[:, 2]), place[:, 2], place[:, 0])
        u, v = np.where(level, place[:, 0], across), np.where(level, place[:, 2], -place[:, 1])
        column, row = ((DENSITY * metres).astype(int) % SIDE for metres in (u, v))
        return self._tiles[material, row, column]


def _colors(seen: Seen) -> tuple[np.ndarray, np.ndarray]:
    """Colours (N + 1)x3 float32 of the faces in the sun and in shadow; row 0, for no face, is black."""
    look, sky = seen.faces.look, from_sky(seen.normals)
    glow, gloss = look["glow"][:, None], look["gloss"][:, None]
    mirrored = gloss * reflection(seen.normals, seen.views) if gloss.any() else 0.0
    veil = haze(seen.distance)[:, None]
    both = []
    for light in (sky + from_sun(seen.normals), sky):
        color = look["color"] * (light + glow * (1 - light)) + mirrored
        color = np.minimum(color, 255) * (1 - veil) + HAZE_COLOR * veil
        both.append(np.concatenate([np.zeros((1, 3)), color]).astype(np.float32))
    return both[0], both[1]


def shadow_map(faces: Faces, camera: Camera) -> np.ndarray:
    """The ground from above: in decimetres, how high the thing is that hides the sun there; 0 in sunlight."""
    here = camera.position[2]
    z = faces.corners[:, 0, 2]
    casts = (faces.look["layer"] != GROUND) & (z > here - BEHIND_US - 6) & (z < here + AHEAD_OF_US + 6)
    casts &= np.isinf(faces.look["far"]) & (faces.look["nearer"] == 0)  # the coarsest level, undecorated
    corners = faces.corners[casts]
    height = corners[..., 1].mean(1)
    order = np.argsort(height, kind="stable")
    metres = (BEHIND_US + AHEAD_OF_US, 2 * BESIDE_US)
    ground = np.zeros([round(SHADOW_DENSITY * size) for size in metres], np.uint8)
    fill(ground, _from_above(corners[order], camera), np.clip(10 * height[order], 1, 255).astype(int))
    return ground


def _from_above(places: np.ndarray, camera: Camera) -> np.ndarray:
    """Pixels of the shadow map ...x2 on which places ...x3 cast their shadows."""
    fallen = places - places[..., 1:2] * (SUN / SUN[1])
    left, back = camera.position[0] - BESIDE_US, camera.position[2] - BEHIND_US
    return (fallen[..., [0, 2]] - np.array([left, back], np.float32)) * SHADOW_DENSITY


def _hidden(shadow: np.ndarray, places: np.ndarray, clearance: np.ndarray, camera: Camera) -> np.ndarray:
    """Whether something more than ``clearance`` metres above the places Nx3 hides the sun from them."""
    column, row = np.rint(_from_above(places, camera)).astype(int).T
    inside = (column >= 0) & (row >= 0) & (column < shadow.shape[1]) & (row < shadow.shape[0])
    hidden = np.zeros(len(places), bool)
    hidden[inside] = shadow[row[inside], column[inside]] / 10 > places[inside, 1] + clearance[inside]
    return hidden
