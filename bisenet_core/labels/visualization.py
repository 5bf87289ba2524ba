"""Draw labels: in their colours, over the image, and their legend."""

from typing import List

import cv2
import numpy as np

from bisenet_core.errors import InputError
from bisenet_core.labels.label_space import LabelSpace

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_FONT_SCALE = 0.45
_ROW = 22     # height of a legend entry in pixels
_SWATCH = 14  # side of its colour sample


def colourise(labels: np.ndarray, label_space: LabelSpace) -> np.ndarray:
    """HxW uint8 labels -> HxWx3 uint8 RGB in the palette's colours; black where there is no class."""
    _check_labels(labels)
    # cv2.LUT with three equal channels is several times faster than indexing a table of colours.
    return cv2.LUT(cv2.merge([labels, labels, labels]), label_space.palette_lut()[None])


def overlay(image_rgb: np.ndarray, labels: np.ndarray, label_space: LabelSpace,
            alpha: float = 0.5) -> np.ndarray:
    """Blend the labels' colours over an image of the same size: (1 - alpha) * image + alpha * colour.

    ``image_rgb`` is HxWx3 uint8 RGB and is not changed; ``alpha`` lies in 0..1. Pixels without a class show
    the image as it is. Returns HxWx3 uint8 RGB. Raises InputError.
    """
    _check_labels(labels)
    if not 0.0 <= alpha <= 1.0:
        raise InputError(f"overlay alpha is {alpha}; expected 0 to 1")
    if image_rgb.dtype != np.uint8 or image_rgb.shape != labels.shape + (3,):
        raise InputError(
            f"the image is {image_rgb.dtype} {image_rgb.shape}; the labels need uint8 {labels.shape + (3,)}")
    blended = cv2.addWeighted(image_rgb, 1.0 - alpha, colourise(labels, label_space), alpha, 0.0)
    no_class = labels >= label_space.num_classes
    if no_class.any():
        cv2.copyTo(image_rgb, no_class.astype(np.uint8), blended)
    return blended


def legend(label_space: LabelSpace, width: int = 480) -> np.ndarray:
    """The classes' colours and names in rows on a dark strip, ``width`` pixels wide: hxwx3 uint8 RGB."""
    longest = max(cv2.getTextSize(name, _FONT, _FONT_SCALE, 1)[0][0] for name in label_space.classes)
    column = longest + _SWATCH + 18
    columns = max(1, width // column)
    rows = -(-label_space.num_classes // columns)
    strip = np.full((rows * _ROW + 6, max(width, column), 3), 32, np.uint8)
    for class_id, name in enumerate(label_space.classes):
        row, position = divmod(class_id, columns)
        _draw_entry(strip, position * column + 6, row * _ROW + 6, name, list(label_space.palette[class_id]))
    return strip


def _draw_entry(strip: np.ndarray, left: int, top: int, name: str, color: List[int]) -> None:
    corner = (left + _SWATCH, top + _SWATCH)
    cv2.rectangle(strip, (left, top), corner, color, cv2.FILLED)
    cv2.rectangle(strip, (left, top), corner, (200, 200, 200))
    cv2.putText(strip, name, (left + _SWATCH + 6, top + _SWATCH - 2), _FONT, _FONT_SCALE, (235, 235, 235), 1,
                cv2.LINE_AA)


def _check_labels(labels: np.ndarray) -> None:
    if labels.ndim != 2 or labels.dtype != np.uint8:
        raise InputError(f"labels are {labels.dtype} {labels.shape}; expected uint8 HxW")
