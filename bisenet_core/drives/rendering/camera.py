"""Pinhole camera. World axes: x right, y up, z along the street, in metres."""

import math
from dataclasses import dataclass
from functools import cached_property

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
