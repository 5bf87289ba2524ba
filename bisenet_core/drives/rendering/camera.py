"""Pinhole camera, and what its lens and sensor do to a picture.

World axes: x right, y up, z along the street, in metres.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

#: Focal length over image width: about 61 degrees across, as the CamVid camera sees.
FOCAL_PER_WIDTH = 0.85


@dataclass(frozen=True)
class Camera:
    """A camera at ``position`` (x, y, z), turned right by ``yaw`` and up by ``pitch`` radians; no roll.

    Pixel (u, v) has its centre at whole numbers; (0, 0) is the top left pixel.
    """

    width: int
    height: int
    position: tuple[float, float, float]
    yaw: float = 0.0
    pitch: float = 0.0

    @property
    def focal(self) -> float:
        """Focal length in pixels."""
        return FOCAL_PER_WIDTH * self.width

    @property
    def centre(self) -> tuple[float, float]:
        """Principal point (u, v): the middle of the image."""
        return (self.width - 1) / 2, (self.height - 1) / 2

    @cached_property
    def rotation(self) -> np.ndarray:
        """World to camera, 3x3; rows are the camera's right, down and forward axes."""
        sin_y, cos_y = math.sin(self.yaw), math.cos(self.yaw)
        sin_p, cos_p = math.sin(self.pitch), math.cos(self.pitch)
        return np.array([[cos_y, 0.0, -sin_y],
                         [sin_y * sin_p, -cos_p, cos_y * sin_p],
                         [sin_y * cos_p, sin_p, cos_y * cos_p]])

    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pixels ...x2 and depths ... of world points ...x3. A pixel means something only where depth > 0."""
        seen = (np.asarray(points, np.float64) - self.position) @ self.rotation.T
        depth = seen[..., 2]
        safe = np.where(np.abs(depth) < 1e-6, 1e-6, depth)[..., None]
        return self.focal * seen[..., :2] / safe + self.centre, depth

    def rays(self) -> np.ndarray:
        """Directions HxWx3 float32 (world axes) in which the pixels look, one metre of depth long."""
        u, v = np.meshgrid(np.arange(self.width), np.arange(self.height))
        ahead = np.stack([(u - self.centre[0]) / self.focal, (v - self.centre[1]) / self.focal,
                          np.ones(u.shape)], -1)
        return (ahead @ self.rotation).astype(np.float32)


class Finish:
    """What lens and sensor do to a picture of one size; the noise differs from frame to frame."""

    def __init__(self, rng: np.random.Generator, width: int, height: int) -> None:
        self._sigma = 0.50 * max(0.5, min(width / 480, 2.0))
        y, x = np.mgrid[-1:1:height * 1j, -1:1:width * 1j]
        vignette = np.clip(255 * (1 - 0.09 * (x * x + y * y) ** 1.2), 0, 255).astype(np.uint8)
        self._vignette = cv2.merge([vignette] * 3)
        self._noise = _noise_tile(rng, height + 64, width + 64)

    def apply(self, image: np.ndarray, rng: np.random.Generator, exposure: float) -> np.ndarray:
        """A finished copy of ``image`` HxWx3 uint8 RGB."""
        height, width = image.shape[:2]
        soft = cv2.GaussianBlur(image, (0, 0), self._sigma)
        soft = cv2.multiply(soft, self._vignette, scale=1 / 255)
        soft = cv2.LUT(soft, _tone_curve(exposure))
        dy, dx = rng.integers(0, 64, 2)
        noise = self._noise[dy:dy + height, dx:dx + width]
        return cv2.addWeighted(soft, 1.0, noise, 1.0, -128)


def _noise_tile(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Noise around 128: mostly brightness, some colour, a little blotchy, as from a small video camera."""
    grey = rng.standard_normal((height, width, 1), dtype=np.float32) * 2.6
    color = cv2.GaussianBlur(rng.standard_normal((height, width, 3), dtype=np.float32), (0, 0), 0.9) * 3.0
    return np.clip(128 + grey + color, 0, 255).astype(np.uint8)


def _tone_curve(exposure: float) -> np.ndarray:
    """Contrasty like a video camera: deep shadows, highlights that burn out. 256 values uint8."""
    light = np.arange(256) / 255 * exposure
    curve = light ** 1.12
    curve = np.where(curve < 0.75, curve, 0.75 + (1 - np.exp(-(curve - 0.75) / 0.26)) * 0.29)
    return np.clip(255 * curve, 0, 255).astype(np.uint8)
