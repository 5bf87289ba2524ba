"""Pinhole camera. World axes: x right, y up, z along the street, in metres."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Sequence, Tuple

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
    position: Tuple[float, float, float]
    yaw: float = 0.0
    pitch: float = 0.0

    @property
    def focal(self) -> float:
        """Focal length in pixels."""
        return FOCAL_PER_WIDTH * self.width

    @property
    def centre(self) -> Tuple[float, float]:
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

    def to_camera(self, points: np.ndarray) -> np.ndarray:
        """World points Nx3 as camera coordinates Nx3 (right, down, forward)."""
        return (np.asarray(points, np.float64) - self.position) @ self.rotation.T

    def project(self, points: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
        """Pixels Nx2 and depths N of world points Nx3. A pixel means something only where depth > 0."""
        right, down, depth = self.to_camera(points).T
        safe = np.where(np.abs(depth) < 1e-6, 1e-6, depth)
        return np.stack([self.focal * right / safe, self.focal * down / safe], 1) + self.centre, depth

    def sees(self, place: Sequence[float], radius: float, smallest: float = 1.0) -> bool:
        """Whether a ball at ``place`` (camera axes) shows from left to right, ``smallest`` pixels wide."""
        right, _, depth = place
        if depth + radius <= 0 or 2 * radius * self.focal < smallest * depth:
            return False
        slope = self.width / (2 * self.focal)
        return abs(right) - slope * depth <= radius * math.hypot(1, slope)

    def rays(self, first_row: int = 0) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Directions of the pixels of the rows from ``first_row`` on: dx HxW, dy Hx1, dz HxW, float32.

        Without roll the vertical part depends on the row alone, which keeps ground intersections cheap.
        """
        rotation = self.rotation
        a = ((np.arange(self.width) - self.centre[0]) / self.focal)[None, :]
        b = ((np.arange(first_row, self.height) - self.centre[1]) / self.focal)[:, None]
        dx = rotation[0, 0] * a + (rotation[1, 0] * b + rotation[2, 0])
        dy = rotation[1, 1] * b + rotation[2, 1]
        dz = rotation[0, 2] * a + (rotation[1, 2] * b + rotation[2, 2])
        return dx.astype(np.float32), dy.astype(np.float32), dz.astype(np.float32)

    def horizon_row(self) -> float:
        """Row (fractional) where the ground plane meets the sky."""
        return self.centre[1] + self.focal * math.tan(self.pitch)
