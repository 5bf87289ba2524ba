"""One sun and one sky for everything that is drawn: shading, reflection, haze."""

import math
from typing import NamedTuple

import numpy as np

#: Direction to the sun: right of the street and ahead, so that the sides we see lie in shade, as in CamVid.
SUN = np.array([0.62, 0.52, 0.32], np.float32) / np.float32(np.linalg.norm([0.62, 0.52, 0.32]))
AMBIENT = np.array([0.47, 0.50, 0.56], np.float32)
SUNLIGHT = np.array([0.98, 0.92, 0.80], np.float32)
HAZE_COLOR = np.array([196, 203, 210], np.float32)
#: Metres in which the air takes away 63% of an object's own colour.
HAZE_LENGTH = 420.0
#: The surroundings that a car's paint and glass mirror: brightness over the height of the direction (sine).
MIRRORED = (-1.0, -0.17, 0.0, 0.12, 0.22, 0.42, 1.0), (66.0, 74.0, 44.0, 40.0, 66.0, 232.0, 245.0)


class Sky(NamedTuple):
    """Directions of the zenith and of the sun in the axes that one works in; unit vectors float32."""

    up: np.ndarray
    sun: np.ndarray


WORLD = Sky(np.array([0, 1, 0], np.float32), SUN)


def irradiance(normals: np.ndarray, sunlit: float = 1.0, sky: Sky = WORLD) -> np.ndarray:
    """Light on faces with unit normals Nx3: Nx3 RGB factors; ``sunlit`` 0..1 is the share of the sun seen."""
    above = (0.72 + 0.28 * (normals @ sky.up))[:, None] * AMBIENT
    return above + np.float32(sunlit) * np.maximum(normals @ sky.sun, 0)[:, None] * SUNLIGHT


def reflection(normals: np.ndarray, views: np.ndarray, sky: Sky = WORLD) -> np.ndarray:
    """What a glossy face mirrors, Nx3 RGB 0..255, already weighted by Fresnel's law.

    ``views`` Nx3 are unit directions from the eye to the faces.
    """
    facing = np.einsum("ij,ij->i", normals, views)
    height = views @ sky.up - 2 * facing * (normals @ sky.up)
    mirrored = np.interp(height, *MIRRORED).astype(np.float32)
    fresnel = 0.10 + 0.9 * np.maximum(1 - np.abs(facing), 0) ** 4
    return (mirrored * fresnel)[:, None] * np.array([0.96, 0.99, 1.03], np.float32)


def haze(distance: float) -> float:
    """Share of haze, 0..1, in what is seen at a distance in metres."""
    return 1.0 - math.exp(-max(distance, 0.0) / HAZE_LENGTH)
