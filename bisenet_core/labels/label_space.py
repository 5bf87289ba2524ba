"""LabelSpace: the classes that a network knows, their colours, and the id of unlabelled pixels."""

import json
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Tuple

import numpy as np

from bisenet_core.errors import InputError, suggest

#: The value of a label pixel that has no class. The same in every label space.
UNLABELED = 255

Color = Tuple[int, int, int]


@dataclass(frozen=True)
class LabelSpace:
    """Class names and RGB colours, indexed by class id 0 .. ``num_classes`` - 1.

    ``ignore_id`` marks unlabelled pixels in ground truth; it may differ from ``UNLABELED``, which marks
    them in label images that we produce. Raises InputError when the parts do not fit together.
    """

    name: str
    classes: Tuple[str, ...]
    palette: Tuple[Color, ...]
    ignore_id: int = UNLABELED

    def __post_init__(self) -> None:
        self._check_classes()
        self._check_palette()
        if not self.num_classes <= self.ignore_id <= 255:
            raise self._error(f"ignore_id {self.ignore_id} is a class id or no 8-bit value; "
                              f"expected {self.num_classes} to 255")

    def _check_classes(self) -> None:
        if not 1 <= self.num_classes <= UNLABELED:
            raise self._error(f"{self.num_classes} classes; expected 1 to {UNLABELED}")
        if not all(self.classes):
            raise self._error("a class has an empty name")
        parts = [self.topic_name(class_id).lower() for class_id in range(self.num_classes)]
        repeated = sorted({name for name, part in zip(self.classes, parts) if parts.count(part) > 1})
        if repeated:
            raise self._error("class names must differ in letters and digits, whatever their case and "
                              f"accents, since masks' topics have these names; found {', '.join(repeated)}")

    def _check_palette(self) -> None:
        if len(self.palette) != self.num_classes:
            raise self._error(f"{len(self.palette)} colours for {self.num_classes} classes; expected one")
        for color in self.palette:
            if len(color) != 3 or not all(0 <= value <= 255 for value in color):
                raise self._error(f"colour {list(color)} is not three values from 0 to 255")

    def _error(self, message: str) -> InputError:
        return InputError(f"label space {self.name}: {message}")

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        return len(self.classes)

    def id_of(self, name: str) -> int:
        """Id of the class called ``name``; case is free, and underscores may stand for spaces and hyphens.

        Raises InputError that suggests the nearest class name.
        """
        for class_id, known in enumerate(self.classes):
            if _key(name) in (_key(known), _key(self.topic_name(class_id))):
                return class_id
        near = suggest(name, self.classes, otherwise="")
        raise InputError(" ".join(filter(None, (
            f"unknown class '{name}':", near, f"{self.name} has {', '.join(self.classes)}"))))

    def topic_name(self, class_id: int) -> str:
        """Class name as one part of a ROS topic name: letters, digits and underscores.

        Accents are left out; a name with other letters than A to Z is called class_ and its id.
        """
        if not 0 <= class_id < self.num_classes:
            raise self._error(f"no class {class_id}; expected 0 to {self.num_classes - 1}")
        letters = unicodedata.normalize("NFKD", self.classes[class_id])
        plain = "".join(c for c in letters if not unicodedata.combining(c))
        known = [c < "\x80" for c in plain if c.isalnum()]
        if not all(known) or (not known and max(plain) > "\x80"):
            return f"class_{class_id}"
        part = re.sub(r"[^A-Za-z0-9_]", "_", plain)
        return "_" + part if part[0].isdigit() else part

    def palette_lut(self) -> np.ndarray:
        """Colours as a 256x3 uint8 RGB table; every value that is not a class id is black."""
        lut = np.zeros((256, 3), np.uint8)
        lut[:self.num_classes] = self.palette
        return lut


def _key(name: str) -> str:
    return re.sub(r"[^\w\x80-\U0010ffff]", "_", unicodedata.normalize("NFC", name).strip().lower())


def _read_label_spaces() -> Dict[str, LabelSpace]:
    """Those of label_spaces.json, by data set. Its colours are RGB in hexadecimal."""
    content = json.loads(Path(__file__).with_name("label_spaces.json").read_text(encoding="utf-8"))
    return {dataset: LabelSpace(space["name"], tuple(space["classes"]),
                                tuple(map(_color, space["colors"])), space["ignore_id"])
            for dataset, space in content.items()}


def _color(text: str) -> Color:
    red, green, blue = bytes.fromhex(text)
    return red, green, blue


#: Data set name -> the label space of its ground truth.
LABEL_SPACES = _read_label_spaces()
CAMVID_11, CITYSCAPES_19, ADE20K_150, COCO_STUFF_171 = LABEL_SPACES.values()
#: The data set's own ids of CITYSCAPES_19's classes, of 0 to 33; the others are not scored.
CITYSCAPES_LABEL_IDS = (7, 8, 11, 12, 13, 17, *range(19, 29), 31, 32, 33)


def label_space_of(dataset: str) -> LabelSpace:
    """The label space of a data set's ground truth. Raises InputError for a name that is not known."""
    if dataset not in LABEL_SPACES:
        raise InputError("no data set is called '{}'; known: {}".format(dataset, ", ".join(LABEL_SPACES)))
    return LABEL_SPACES[dataset]


def least_confidence(min_confidence: float) -> int:
    """The smallest of 0 .. 256 of which a 255th is at least ``min_confidence``, which lies in 0..1."""
    # A search among the values there are: 255 * min_confidence may round to the wrong side of one.
    return int(np.searchsorted(np.arange(256) / 255.0, min_confidence))


def unlabel_unsure(labels: np.ndarray, confidence: np.ndarray, min_confidence: float) -> np.ndarray:
    """``labels`` with ``UNLABELED`` where confidence / 255 < ``min_confidence``; a new array.

    Both are HxW uint8, confidence 255 times a probability; ``min_confidence`` lies in 0..1.
    """
    # UNLABELED has all bits set, so a bitwise or writes it: 50 times as fast as a boolean index.
    return labels | (confidence < least_confidence(min_confidence)).view(np.uint8) * np.uint8(UNLABELED)
