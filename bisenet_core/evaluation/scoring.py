"""Scores of labels against ground truth, as a table and as JSON."""

import math
from typing import Any

import numpy as np

from bisenet_core.errors import InputError
from bisenet_core.label_space import LabelSpace
from bisenet_core.metrics import ConfusionMatrix


class Scores:
    """Confusion matrix of a whole drive or data set, with the names that go with it."""

    def __init__(self, label_space: LabelSpace) -> None:
        self.label_space = label_space
        self.matrix = ConfusionMatrix(label_space.num_classes, label_space.ignore_id)
        self.images = 0

    def add(self, labels: np.ndarray, truth: np.ndarray | None, name: str) -> None:
        """Count one HxW uint8 pair; an image without truth is left out.

        Raises InputError, naming the image, for sizes or ids that do not fit.
        """
        if truth is None:
            return
        try:
            self.matrix.update(labels, truth)
        except InputError as error:
            raise InputError(f"{name}: {error}") from None
        self.images += 1

    def as_json(self) -> dict[str, Any]:
        """``miou``, ``iou`` by class name, ``pixel_accuracy`` (null where undefined) and ``images``."""
        iou = {name: _or_none(value) for name, value in zip(self.label_space.classes, self.matrix.iou())}
        return {
            "miou": _or_none(self.matrix.miou()),
            "iou": iou,
            "pixel_accuracy": _or_none(self.matrix.pixel_accuracy()),
            "images": self.images,
        }


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else round(float(value), 6)
