"""GroundCamera: map the pixels of a camera above flat ground to that ground, and back.

The axes are REP 103's. Optical frame: x right, y down, z along the view. Ground frame: x forward, y left,
z up, its origin on the ground below the camera, x along the view. The camera is ``height`` metres above it
and turned about y by ``pitch`` radians, so down where that is positive, with no roll. A pixel (u, v) with
a = (u - cx) / fx and b = (v - cy) / fy is the ray (a, b, 1), and meets the ground at

    x = height (cos pitch - b sin pitch) / (sin pitch + b cos pitch)
    y = -height a / (sin pitch + b cos pitch)

where sin pitch + b cos pitch > 0, that is below the horizon. The image must be rectified: a pinhole knows no
distortion.
"""

import math
from typing import Any, NamedTuple, Sequence, Tuple

import numpy as np

from bisenet_core.errors import InputError

_MOST_PIXELS = 1e6  # of a focal length or a principal point that can be meant
_LEAST = 1e-9  # slope of a ray below the horizon, and metres ahead of the image plane: less counts as none


class GroundCamera(NamedTuple):
    """A pinhole camera; focal lengths and principal point in pixels, pixel centres at whole numbers."""

    fx: float
    fy: float
    cx: float
    cy: float
    height: float
    pitch: float

    @classmethod
    def from_info(cls, info: Any, height: float, pitch: float) -> "GroundCamera":
        """From a sensor_msgs/CameraInfo; see ``from_calibration``.

        Raises InputError, too, where the image is not whole: its region of interest, or binning.
        """
        roi, whole = info.roi, (0, 0, info.width, info.height)
        part = (roi.x_offset, roi.y_offset, roi.width, roi.height) not in ((0, 0, 0, 0), whole)
        if part or max(info.binning_x, info.binning_y) > 1:
            raise InputError("it has a region of interest or binning; expected a camera that gives its whole "
                             "image, as it is calibrated: switch them off in its driver")
        return cls.from_calibration(info.k, info.d, info.p, height, pitch)

    @classmethod
    def from_calibration(cls, k: Sequence[float], d: Sequence[float], p: Sequence[float],
                         height: float, pitch: float) -> "GroundCamera":
        """From CameraInfo's K (9 numbers by rows), D (any number) and P (12): the rectified image's camera.

        P belongs to that image, and K to the raw one, which is the same only where nothing is distorted; so K
        counts where P is not set and D is zero. ``height`` is above 0 and ``pitch`` within pi / 2. Raises
        InputError for a camera without calibration, and for one that distorts and has no P.
        """
        if p[0] > 0:
            return cls._checked("P", (p[0], p[5], p[2], p[6]), height, pitch)
        if any(d):
            raise InputError("the camera has distortion D but no P, so its image is not rectified: label the "
                             "rectified image of image_proc, with a camera_info that has P")
        return cls._checked("K", (k[0], k[4], k[2], k[5]), height, pitch)

    @classmethod
    def _checked(cls, name: str, values: Sequence[float], height: float, pitch: float) -> "GroundCamera":
        if not (np.isfinite(values).all() and min(values[:2]) >= 1 and max(np.abs(values)) <= _MOST_PIXELS):
            raise InputError("{} has fx {:g}, fy {:g}, cx {:g}, cy {:g}; expected a calibrated camera".format(
                name, *values))
        fx, fy, cx, cy = map(float, values)
        return cls(fx, fy, cx, cy, height, pitch)

    def forward(self, rows: np.ndarray) -> np.ndarray:
        """x in metres of the ground in these rows, float64; infinite at and above the horizon."""
        b, descent = self._ray(rows)
        reach = self.height * (math.cos(self.pitch) - b * math.sin(self.pitch))
        below = descent > _LEAST
        return np.where(below, reach / np.where(below, descent, 1.0), np.inf)

    def left(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """y in metres of the ground at these pixels, which must lie below the horizon."""
        _, descent = self._ray(rows)
        return -self.height * (np.asarray(columns, np.float64) - self.cx) / self.fx / descent

    def row(self, forward: np.ndarray) -> np.ndarray:
        """The row, fractional, that shows the ground ``forward`` metres ahead; the inverse of ``forward``.

        Infinite for ground that lies behind the plane of the image.
        """
        sine, cosine = math.sin(self.pitch), math.cos(self.pitch)
        forward = np.asarray(forward, np.float64)
        depth = forward * cosine + self.height * sine
        ahead = depth > _LEAST
        b = (self.height * cosine - forward * sine) / np.where(ahead, depth, 1.0)
        return np.where(ahead, self.cy + self.fy * b, np.inf)

    def _ray(self, rows: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
        b = (np.asarray(rows, np.float64) - self.cy) / self.fy
        return b, math.sin(self.pitch) + b * math.cos(self.pitch)
