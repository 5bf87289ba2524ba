"""RenderedDrive: a drive through a street, as pictures with exact labels."""

import numpy as np

from bisenet_core.drives.rendering.camera import FOCAL_PER_WIDTH, Camera, Finish
from bisenet_core.drives.rendering.faces import Faces, join
from bisenet_core.drives.rendering.light import Sky
from bisenet_core.drives.rendering.materials import tiles
from bisenet_core.drives.rendering.painting import Painter
from bisenet_core.drives.rendering.street import Street
from bisenet_core.drives.rendering.traffic import OWN_LANE, Traffic, own_distance
from bisenet_core.errors import InputError

#: Metres behind and ahead of the camera within which things are drawn.
BEHIND, AHEAD = 14.0, 150.0
EYE_HEIGHT = 1.32


class RenderedDrive:
    """A sequence of ``frames`` pictures taken ``rate`` times a second on a drive along a street.

    ``drive[i]`` is (image, labels): image HxWx3 uint8 RGB, labels HxW uint8 with CamVid-11 ids, 255 where
    a thing has no class there. Both come from one map of what every pixel shows, without antialiasing in the
    labels. The same arguments give the same frames, in any order. Raises ValueError for sizes under 16
    pixels, a non-positive rate or less than one frame, and IndexError outside 0 .. frames - 1.
    """

    def __init__(self, width: int = 480, height: int = 360, seed: int = 0, frames: int = 150,
                 rate: float = 15.0) -> None:
        _check(width, height, frames, rate)
        self.width, self.height, self.seed = width, height, seed
        self.frames, self.rate = frames, rate
        duration = frames / rate
        parts = [np.random.default_rng([seed, part]) for part in range(5)]
        self.street = Street(parts[0], -30.0, own_distance(duration) + AHEAD + 40)
        self._traffic = Traffic(parts[1], self.street, duration)
        self.painter = Painter(tiles(parts[2]), Sky(parts[3], FOCAL_PER_WIDTH * width))
        self._finish = Finish(parts[4], width, height)

    def __len__(self) -> int:
        return self.frames

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        if not -self.frames <= index < self.frames:
            raise IndexError(f"frame {index} of a drive of {self.frames} frames")
        index %= self.frames
        time = index / self.rate
        image, labels = self.painter.paint(self._in_reach(time), self.camera(index))
        rng = np.random.default_rng([self.seed, 1000, index])
        exposure = 1.30 + 0.03 * np.sin(0.7 * time) + 0.006 * rng.standard_normal()
        return self._finish.apply(image, rng, float(exposure)), labels

    def camera(self, index: int) -> Camera:
        """The camera of frame ``index``: in the left lane, swaying a little."""
        time = index / self.rate
        z = own_distance(time)
        x, _, _ = self.street.place(OWN_LANE + 0.12 * np.sin(0.45 * time), 0, z)
        yaw = self.street.heading(z) + 0.012 * np.sin(0.8 * time) + 0.003 * np.sin(5.1 * time)
        pitch = -0.012 + 0.004 * np.sin(2.3 * time) + 0.0025 * np.sin(7.9 * time)
        position = (float(x), float(EYE_HEIGHT + 0.012 * np.sin(6.3 * time)), float(z))
        return Camera(self.width, self.height, position, float(yaw), float(pitch))

    def _in_reach(self, time: float) -> Faces:
        """All faces near enough to be drawn."""
        near, far = own_distance(time) - BEHIND, own_distance(time) + AHEAD
        z = self.street.faces.corners[:, 0, 2]
        moving = self.street.bent(join(self._traffic.at(time, near, far)))
        return join([self.street.faces.where((near < z) & (z < far)), moving])


def _check(width: int, height: int, frames: int, rate: float) -> None:
    if width < 16 or height < 16:
        raise InputError(f"a drive of {width}x{height} pixels; expected at least 16x16")
    if frames < 1 or rate <= 0:
        raise InputError(
            f"a drive of {frames} frames at {rate} Hz; expected at least one frame and a rate above 0"
        )
