"""How label files say which class a pixel has: by ids in one channel, or by colours."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from bisenet_core.drives.truth.label_images import read_labels
from bisenet_core.errors import InputError
from bisenet_core.labels.label_space import UNLABELED, LabelSpace
from bisenet_core.learning.datasets.image_file import read_bytes

_NO_CLASS = 254  # of a colour that the data set does not have; UNLABELED is one it may have


@dataclass(frozen=True)
class IdCoding:
    """``train_ids``: the class of each id that a file may hold. ``expected`` names these ids in errors."""

    train_ids: Mapping[int, int]
    expected: str

    def read(self, path: Path) -> np.ndarray:
        """HxW uint8 train ids, UNLABELED where there is none. InputError for an id not in ``train_ids``."""
        ids = read_ids(path)
        table, unknown = _tables(tuple(self.train_ids.items()))
        if cv2.LUT(ids, unknown).any():
            found = ", ".join(str(i) for i in sorted(set(np.unique(ids).tolist()) - set(self.train_ids)))
            raise InputError(f"{path} holds label id {found}; expected {self.expected}")
        return cv2.LUT(ids, table)


@cache
def _tables(train_ids: tuple[tuple[int, int], ...]) -> tuple[np.ndarray, np.ndarray]:
    table, unknown = np.zeros(256, np.uint8), np.ones(256, np.uint8)
    for value, train_id in train_ids:
        table[value], unknown[value] = train_id, 0
    return table, unknown


def ids_of(space: LabelSpace, first: int = 0, unlabeled: tuple[int, ...] = ()) -> IdCoding:
    """The coding by consecutive ids, where ``first`` is that of class 0.

    Without a class: UNLABELED, and the values ``unlabeled`` (by default the label space's ignore id).
    """
    without = sorted({UNLABELED, *(unlabeled or (space.ignore_id,))})
    classes = {first + index: index for index in range(space.num_classes)}
    ids = {**dict.fromkeys(without, UNLABELED), **classes}
    others = " or ".join(map(str, without))
    return IdCoding(ids, f"{first} to {max(classes)} ({space.name}), or {others} where there is no class")


@dataclass(frozen=True)
class ColourCoding:
    """``train_ids``: the class of each RGB colour that a file may hold. ``expected`` names them in errors."""

    train_ids: Mapping[tuple[int, int, int], int]
    expected: str

    def read(self, path: Path) -> np.ndarray:
        """As ``IdCoding.read``. InputError for a file of another kind, or a colour not in ``train_ids``."""
        image = _decoded(path, read_bytes(path))
        if image.mode not in ("RGB", "RGBA", "P"):
            raise InputError(f"{path} is no colour image; expected {self.expected}")
        red, green, blue = np.moveaxis(np.asarray(image.convert("RGB")).astype(np.int32), 2, 0)
        labels = _colour_table(tuple(self.train_ids.items()))[red << 16 | green << 8 | blue]
        if (labels == _NO_CLASS).any():
            y, x = np.argwhere(labels == _NO_CLASS)[0]
            colour = f"({red[y, x]}, {green[y, x]}, {blue[y, x]}) at x {x}, y {y}"
            raise InputError(f"{path} holds the colour {colour}; expected {self.expected}")
        return labels


#: What a data set's label files hold.
LabelCoding = IdCoding | ColourCoding


@cache
def _colour_table(train_ids: tuple[tuple[tuple[int, int, int], int], ...]) -> np.ndarray:
    table = np.full(1 << 24, _NO_CLASS, np.uint8)
    for (red, green, blue), train_id in train_ids:
        table[red << 16 | green << 8 | blue] = train_id
    return table


def read_ids(path: Path) -> np.ndarray:
    """HxW uint8 ids of a PNG (see ``read_labels``) or of COCO-Stuff 10k's .mat."""
    return _matlab_ids(path, read_bytes(path)) if path.suffix == ".mat" else read_labels(path)


def _decoded(path: Path, content: bytes) -> Any:
    try:
        image = Image.open(io.BytesIO(content))
        image.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        raise InputError(
            f"{path} is not a readable image, or is truncated; restore it or remove the pair"
        ) from None
    return image


def _matlab_ids(path: Path, content: bytes) -> np.ndarray:
    try:
        from scipy.io import loadmat
    except ModuleNotFoundError:
        raise InputError(f"{path} is a MATLAB file, which SciPy reads: pip install scipy") from None
    try:
        matrices: dict[str, Any] = loadmat(io.BytesIO(content), variable_names=["S"])
        return np.ascontiguousarray(matrices["S"], np.uint8)
    except Exception as error:  # SciPy raises what its parser trips over
        raise InputError(f"{path} holds no label matrix S ({type(error).__name__}); restore it") from None
