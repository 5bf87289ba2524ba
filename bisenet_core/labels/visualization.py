"""Draw labels: in their colours, over the image, and their legend."""

from dataclasses import replace
from typing import List

import cv2
import numpy as np

from bisenet_core.errors import InputError
from bisenet_core.labels.label_space import LabelSpace

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_FONT_SCALE = 0.45
_ROW = 22     # height of a legend entry in pixels
_SWATCH = 14  # side of its colour sample
_DARKEST = 35.0  # colour for a display, in L* from 0 to 100: unlabelled pixels are black
# For a display: RGB, each as far from those before it, and from black, as CIEDE2000 tells colours apart.
_DISTINCT = np.frombuffer(bytes.fromhex(
    "4ba569 ff96f0 ff8700 00a5ff 5a00ff b4001e ffff00 695a00 c3ffff 006969 786978 ffe1d2 "
    "ff6969 1eff4b e10096 a59600 8778ff 0f5a96 00691e c3d2ff a59687 00b4c3 a55a1e c3d2a5"),
    np.uint8).reshape(-1, 3)


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


def for_display(label_space: LabelSpace) -> LabelSpace:
    """The same classes in colours that tell any two of them apart, each as near to its own as that allows."""
    colors = _distinct_colors(label_space.num_classes)
    lab, left, palette = _lab(colors), list(range(len(colors))), []
    for own in _lab(np.array(label_space.palette, np.uint8)):
        nearest = min(left, key=lambda index: float(np.linalg.norm(lab[index] - own)))
        left.remove(nearest)
        red, green, blue = map(int, colors[nearest])
        palette.append((red, green, blue))
    return replace(label_space, palette=tuple(palette))


def _distinct_colors(count: int) -> np.ndarray:
    """``count`` x 3 uint8 RGB: _DISTINCT, and then what lies farthest from all before it in CIE Lab."""
    levels = np.arange(0, 256, 15, dtype=np.uint8)
    grid = np.stack(np.meshgrid(levels, levels, levels), -1).reshape(-1, 3)
    grid = grid[_lab(grid)[:, 0] >= _DARKEST]
    colors, lab = _DISTINCT[:count], _lab(grid)
    distance = np.min([np.linalg.norm(lab - one, axis=1) for one in _lab(colors)], axis=0)
    while len(colors) < count:
        farthest = distance.argmax()
        colors = np.vstack([colors, grid[farthest]])
        distance = np.minimum(distance, np.linalg.norm(lab - lab[farthest], axis=1))
    return colors


def _lab(colors: np.ndarray) -> np.ndarray:
    """Nx3 uint8 RGB -> Nx3 float32: L* from 0 to 100, a* and b*."""
    return cv2.cvtColor((colors / np.float32(255))[None], cv2.COLOR_RGB2Lab)[0]


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
