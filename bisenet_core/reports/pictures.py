"""Image and overlay side by side with a legend: how a labelled frame is shown to people."""

from functools import lru_cache

import cv2
import numpy as np

from bisenet_core.labels.label_space import LabelSpace
from bisenet_core.labels.visualization import legend, overlay

_INK, _PAPER = (235, 235, 235), (32, 32, 32)


def side_by_side(
    image: np.ndarray, labels: np.ndarray, label_space: LabelSpace, panel_width: int
) -> np.ndarray:
    """Image left, overlay right, each ``panel_width`` wide at the image's own proportions.

    image: HxWx3 uint8 RGB; labels: HxW uint8; returns h x 2*panel_width x 3 uint8 RGB.
    """
    height = max(1, round(image.shape[0] * panel_width / image.shape[1]))
    shrunk = cv2.resize(image, (panel_width, height), interpolation=cv2.INTER_AREA)
    small_labels = cv2.resize(labels, (panel_width, height), interpolation=cv2.INTER_NEAREST)
    return np.hstack([shrunk, overlay(shrunk, small_labels, label_space)])


@lru_cache(maxsize=8)
def legend_strip(label_space: LabelSpace, width: int) -> np.ndarray:
    """The legend exactly ``width`` pixels wide, hx``width``x3 uint8 RGB, so that it can be stacked below."""
    return legend(label_space, width)[:, :width]


def caption(width: int, text: str) -> np.ndarray:
    """A line of light text on dark, 22 x ``width`` x 3 uint8 RGB; what does not fit is cut off."""
    bar = np.full((22, width, 3), _PAPER, np.uint8)
    cv2.putText(bar, text, (6, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.45, _INK, 1, cv2.LINE_AA)
    return bar
