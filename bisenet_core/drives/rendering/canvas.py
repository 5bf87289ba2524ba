"""The picture and its labels, always painted together and with the same mask."""

import math
from functools import lru_cache
from typing import Optional, Sequence, Tuple

import cv2
import numpy as np

from bisenet_core.drives.rendering.light import HAZE_COLOR

Box = Tuple[int, int, int, int]

#: Sub-pixel positions in OpenCV's polygon filling: 2^4 steps.
SHIFT = 4


class Canvas:
    """``image`` HxWx3 uint8 RGB and ``labels`` HxW uint8, painted from far to near."""

    def __init__(self, width: int, height: int) -> None:
        self.image = np.zeros((height, width, 3), np.uint8)
        self.labels = np.full((height, width), 255, np.uint8)

    @property
    def size(self) -> Tuple[int, int]:
        """Width and height."""
        return self.image.shape[1], self.image.shape[0]

    def clip(self, low: Sequence[float], high: Sequence[float], margin: int = 2) -> Box:
        """Pixel box (left, top, right, bottom) around low..high, inside the picture; may be empty."""
        width, height = self.size
        left, top = (math.floor(min(max(v, -1e6), 1e6)) - margin for v in low)
        right, bottom = (math.ceil(min(max(v, -1e6), 1e6)) + margin + 1 for v in high)
        return max(0, left), max(0, top), min(width, right), min(height, bottom)

    def paint(self, box: Box, color: np.ndarray, mask: np.ndarray, label: int, haze: float = 0.0) -> None:
        """Cover ``box`` with an opaque picture hxwx3 where ``mask`` hxw is not 0."""
        left, top, right, bottom = box
        if haze > 0.02:
            color = cv2.LUT(color, _veil(round(haze * 64)))
        cv2.copyTo(color, mask, self.image[top:bottom, left:right])
        np.copyto(self.labels[top:bottom, left:right], np.uint8(label), where=mask != 0)

    def blend(self, box: Box, rgba: np.ndarray, label: int, haze: float = 0.0,
              region: Optional[np.ndarray] = None) -> None:
        """Cover ``box`` with a premultiplied RGBA picture hxwx4 uint8.

        A pixel gets the label where it is at least half covered, or where ``region`` hxw says so.
        """
        left, top, right, bottom = box
        alpha = np.ascontiguousarray(rgba[..., 3])
        color = cv2.cvtColor(rgba, cv2.COLOR_RGBA2RGB)
        alpha3 = cv2.cvtColor(alpha, cv2.COLOR_GRAY2RGB)
        if haze > 0.02:
            veil = cv2.multiply(alpha3, np.full_like(alpha3, HAZE_COLOR), scale=haze / 255)
            color = cv2.addWeighted(color, 1 - haze, veil, 1, 0)
        target = self.image[top:bottom, left:right]
        behind = cv2.multiply(target, cv2.bitwise_not(alpha3), scale=1 / 255)
        cv2.add(behind, color, dst=behind)
        target[...] = behind
        covered = alpha >= 128 if region is None else region >= 128
        np.copyto(self.labels[top:bottom, left:right], np.uint8(label), where=covered)


@lru_cache(maxsize=65)
def _veil(step: int) -> np.ndarray:
    """Table 256x1x3 that mixes ``step`` / 64 of haze into a colour."""
    share = step / 64
    return np.rint(np.arange(256)[:, None] * (1 - share) + HAZE_COLOR * share).astype(np.uint8)[:, None]


def polygon_mask(points: np.ndarray, box: Box) -> np.ndarray:
    """Mask of a convex polygon Nx2 (image pixels) inside ``box``: hxw uint8, 0 or 255."""
    left, top, right, bottom = box
    mask = np.zeros((bottom - top, right - left), np.uint8)
    local = np.clip((points - (left, top)) * 2 ** SHIFT, -2 ** 24, 2 ** 24)
    cv2.fillConvexPoly(mask, np.rint(local).astype(np.int32), 255, cv2.LINE_8, SHIFT)
    return mask
