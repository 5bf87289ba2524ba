"""Temporal consistency: how often pixels keep their label from one frame to the next; needs no truth."""

from typing import NamedTuple

import cv2
import numpy as np

from bisenet_core.labels.label_space import UNLABELED
from bisenet_core.labels.metrics import ratio

#: Larger images are followed at this width.
MAX_WIDTH = 320

#: OpenCV's flow crashes on long images with fewer rows or columns than this.
MIN_SIDE = 32

#: Grey levels by which a pixel may differ from the one it is said to come from.
MAX_GREY_CHANGE = 12


class View(NamedTuple):
    """A labelled frame at the size at which it is followed."""

    grey: np.ndarray  # hxw uint8
    labels: np.ndarray  # hxw uint8


def view(image: np.ndarray, labels: np.ndarray) -> View:
    """``image`` HxWx3 uint8 RGB and its ``labels`` HxW uint8, both reduced to at most ``MAX_WIDTH``."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    height, width = grey.shape
    if width <= MAX_WIDTH:
        return View(grey, labels)
    size = MAX_WIDTH, max(1, round(height * MAX_WIDTH / width))
    return View(cv2.resize(grey, size, interpolation=cv2.INTER_AREA),
                cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST_EXACT))


def counts(before: View, after: View, num_classes: int) -> np.ndarray | None:
    """``FrameResult.temporal`` of ``after``, int64 C x 2, by the class in ``before``.

    Pixels that could be followed, of them changed; None where the two differ in size or a side is shorter
    than ``MIN_SIDE``. A pixel of ``after`` is followed back along the optical flow; it counts when that ends
    inside ``before``, on a class and on a grey at most ``MAX_GREY_CHANGE`` away.
    """
    if before.grey.shape != after.grey.shape or min(after.grey.shape) < MIN_SIDE:
        return None
    origin = _origins(before.grey, after.grey)
    grey = cv2.remap(before.grey, origin, None, cv2.INTER_LINEAR)
    was = cv2.remap(before.labels, origin, None, cv2.INTER_NEAREST,
                    borderMode=cv2.BORDER_CONSTANT, borderValue=UNLABELED)
    followed = (was < num_classes) & (cv2.absdiff(grey, after.grey) <= MAX_GREY_CHANGE)
    changed = followed & (was != after.labels)
    # OpenCV's histogram takes a tenth of the time of numpy's bincount
    histograms = [cv2.calcHist([was], [0], pixels.view(np.uint8), [256], [0, 256])
                  for pixels in (followed, changed)]
    return np.column_stack(histograms)[:num_classes].astype(np.int64)


def flicker(total: np.ndarray) -> np.ndarray:
    """Share of followed pixels that changed, float64 [..., C], of summed counts [..., C, 2]; NaN without."""
    return ratio(total[..., 1], total[..., 0])


def consistency(total: np.ndarray) -> np.ndarray:
    """Share of followed pixels of any class that kept theirs, [...]; NaN when none could be followed."""
    return 1 - flicker(total.sum(axis=-2))


def _origins(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    # hxwx2 float32: x and y in ``before`` of each pixel of ``after``. Finer presets than this one take two
    # to ten times as long and, with the check of greys, change the result of true labels by a tenth.
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST).calc(after, before, None)
    height, width = after.shape
    flow[..., 0] += np.arange(width, dtype=np.float32)
    flow[..., 1] += np.arange(height, dtype=np.float32)[:, None]
    return flow
