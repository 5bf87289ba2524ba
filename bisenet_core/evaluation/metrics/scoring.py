"""Scores of labels against ground truth, as a table and as JSON."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from bisenet_core.errors import InputError
from bisenet_core.labels.label_space import LabelSpace
from bisenet_core.labels.metrics import ConfusionMatrix, class_counts, iou, miou, ratio


class Scores:
    """Confusion matrix of a whole drive or data set, with the names that go with it.

    Truth of the id ``ignore_id``, by default that of the label space, is not counted.
    """

    def __init__(self, label_space: LabelSpace, ignore_id: int | None = None) -> None:
        self.label_space = label_space
        ignored = label_space.ignore_id if ignore_id is None else ignore_id
        self.matrix = ConfusionMatrix(label_space.num_classes, ignored)
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
        return {**summary(self.matrix.counts, self.label_space.classes), "images": self.images}


def summary(counts: np.ndarray, classes: Sequence[str]) -> dict[str, Any]:
    """``miou``, ``iou`` by class name and ``pixel_accuracy`` (None where undefined) of a matrix's counts."""
    parts = class_counts(counts)
    return {
        "miou": or_none(miou(*parts)),
        "iou": by_class(iou(*parts), classes),
        "pixel_accuracy": or_none(ratio(np.trace(counts), counts.sum())),
    }


def by_class(values: np.ndarray, classes: Sequence[str]) -> dict[str, float | None]:
    """Float values, one for each class, by name; None where NaN."""
    return {name: or_none(value) for name, value in zip(classes, values)}


def or_none(value: float | np.ndarray) -> float | None:
    """One number for JSON, to six decimals; None for NaN."""
    return None if math.isnan(value) else round(float(value), 6)
