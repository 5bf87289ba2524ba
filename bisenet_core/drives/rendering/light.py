"""One sun and one sky for everything that is drawn: shading, reflection, haze, clouds."""

import cv2
import numpy as np

from bisenet_core.drives.rendering.camera import Camera
from bisenet_core.drives.rendering.materials import fractal_noise

#: Direction to the sun: right of the street and ahead, so that the sides we see lie in shade, as in CamVid.
SUN = np.array([0.62, 0.52, 0.32], np.float32) / np.float32(np.linalg.norm([0.62, 0.52, 0.32]))
AMBIENT = np.array([0.47, 0.50, 0.56], np.float32)
SUNLIGHT = np.array([0.98, 0.92, 0.80], np.float32)
HAZE_COLOR = np.array([196, 203, 210], np.float32)
#: Metres in which the air takes away 63% of an object's own colour.
HAZE_LENGTH = 420.0
#: The surroundings that a car's paint and glass mirror: brightness over the height of the direction (sine).
MIRRORED = (-1.0, -0.17, 0.0, 0.12, 0.22, 0.42, 1.0), (66.0, 74.0, 44.0, 40.0, 66.0, 232.0, 245.0)
#: Tangents of the view angle that the picture of the sky covers: to either side, and above the horizon.
ACROSS, ABOVE = 1.5, 1.2


def from_sky(normals: np.ndarray) -> np.ndarray:
    """Light from the sky on faces with unit normals Nx3: Nx3 RGB factors."""
    return (0.72 + 0.28 * normals[:, 1:2]) * AMBIENT


def from_sun(normals: np.ndarray) -> np.ndarray:
    """Light from the sun, where nothing hides it, on faces with unit normals Nx3: Nx3 RGB factors."""
    return np.maximum(normals @ SUN, 0)[:, None] * SUNLIGHT


def reflection(normals: np.ndarray, views: np.ndarray) -> np.ndarray:
    """What a glossy face mirrors, Nx3 RGB 0..255, already weighted by Fresnel's law.

    ``views`` Nx3 are unit directions from the eye to the faces.
    """
    facing = np.einsum("ij,ij->i", normals, views)
    height = views[:, 1] - 2 * facing * normals[:, 1]
    fresnel = 0.10 + 0.9 * np.maximum(1 - np.abs(facing), 0) ** 4
    return (np.interp(height, *MIRRORED) * fresnel)[:, None] * (0.96, 0.99, 1.03)


def haze(distance: np.ndarray) -> np.ndarray:
    """Share of haze, 0..1, in what is seen at distances in metres."""
    return 1.0 - np.exp(-distance / HAZE_LENGTH)


class Sky:
    """Bright clouds over pale blue, infinitely far away: turning the camera moves them, driving does not.

    ``scale`` is in pixels.
    """

    def __init__(self, rng: np.random.Generator, focal: float) -> None:
        self._scale = float(np.clip(focal, 160, 620))
        height, width = round(ABOVE * self._scale), round(2 * ACROSS * self._scale)
        rise = np.linspace(1, 0, height, dtype=np.float32)[:, None, None]
        blue = (236, 242, 250) - rise ** 0.8 * (92, 56, 14)
        cloud, thick = (fractal_noise(rng, height, width // 3, cell * width / 6, 6, 0.55)
                        for cell in (0.4, 0.2))
        cover, thick = (cv2.resize(layer, (width, height))[..., None] for layer in (cloud, thick))
        white = (244 - 15 * rise * (1 + np.clip(thick, -1, 1.6))) * (0.985, 0.995, 1.01)
        clouds = blue + np.clip(0.62 + 0.55 * cover, 0, 1) * (white - blue)
        self._picture = np.clip(clouds, 0, 255).astype(np.uint8)

    def seen_by(self, camera: Camera) -> np.ndarray:
        """The whole view filled with sky, HxWx3 uint8 RGB."""
        (u, v), focal, scale = camera.centre, camera.focal, self._scale
        to_ray = np.array([[1 / focal, 0, -u / focal], [0, 1 / focal, -v / focal], [0, 0, 1]])
        to_picture = np.array([[scale, 0, ACROSS * scale], [0, -scale, ABOVE * scale], [0, 0, 1]])
        return cv2.warpPerspective(self._picture, to_picture @ camera.rotation.T @ to_ray,
                                   (camera.width, camera.height), borderMode=cv2.BORDER_REPLICATE,
                                   flags=cv2.WARP_INVERSE_MAP | cv2.INTER_LINEAR)
