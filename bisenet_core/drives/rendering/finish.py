"""From a clean picture to a photograph: lens, exposure, contrast, sensor noise."""

import cv2
import numpy as np


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
