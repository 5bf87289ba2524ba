"""Compare labels with ground truth: confusion matrix, IoU, pixel accuracy."""

from typing import Tuple

import numpy as np

from bisenet_core.errors import InputError
from bisenet_core.labels.label_space import UNLABELED


class ConfusionMatrix:
    """Counts of (true class, predicted class) over all pixels whose truth is known.

    A pixel is scored when its truth is a class; truth of ``ignore_id`` or 255 is left out. A scored pixel
    that was predicted 255 or ``ignore_id`` (no class) is a miss: it counts against its true class.
    """

    def __init__(self, num_classes: int, ignore_id: int = UNLABELED) -> None:
        self.num_classes = num_classes
        self.ignore_id = ignore_id
        #: int64, num_classes x num_classes, [truth, prediction]
        self.matrix = np.zeros((num_classes, num_classes), np.int64)
        #: int64, num_classes: scored pixels of each true class that were predicted to be no class
        self.missed = np.zeros(num_classes, np.int64)

    def update(self, labels: np.ndarray, truth: np.ndarray) -> "ConfusionMatrix":
        """Add one pair of label images of equal shape, integers from 0 to 255. Returns self.

        Raises InputError, and counts nothing, when the shapes differ or an id is out of range.
        """
        if labels.shape != truth.shape:
            raise InputError(
                f"labels are {_shape(labels)} and truth is {_shape(truth)}: the two must have one size")
        # One pass over the pixels; every rule about ids is then applied to this small 256x256 table.
        pairs = _as_uint8(truth, "ground truth").astype(np.uint16) << 8 | _as_uint8(labels, "labels")
        counts = np.bincount(pairs.ravel(), minlength=65536).reshape(256, 256)
        counts[[self.ignore_id, UNLABELED]] = 0  # truth unknown
        self._refuse_ids_out_of_range(counts)
        classes = self.num_classes
        self.matrix += counts[:classes, :classes]
        self.missed += counts[:classes, classes:].sum(axis=1)
        return self

    def _refuse_ids_out_of_range(self, counts: np.ndarray) -> None:
        known = np.zeros(256, bool)
        known[:self.num_classes] = True
        known[[self.ignore_id, UNLABELED]] = True
        for what, present in (("ground truth", counts.any(axis=1)), ("labels", counts.any(axis=0))):
            strange = np.flatnonzero(present & ~known)
            if strange.size:
                raise InputError(
                    f"{what} contain id {strange[0]}; expected 0 to {self.num_classes - 1}, {self.ignore_id} "
                    "or 255: is this another label space?")

    def merge(self, other: "ConfusionMatrix") -> "ConfusionMatrix":
        """Add the counts of another matrix of the same classes. Returns self."""
        if (other.num_classes, other.ignore_id) != (self.num_classes, self.ignore_id):
            raise InputError(
                f"cannot merge counts of {other.num_classes} classes (ignore id {other.ignore_id}) "
                f"into one of {self.num_classes} (ignore id {self.ignore_id})")
        self.matrix += other.matrix
        self.missed += other.missed
        return self

    @property
    def pixels(self) -> int:
        """Number of scored pixels."""
        return int(self.matrix.sum() + self.missed.sum())

    @property
    def counts(self) -> np.ndarray:
        """int64, num_classes x (num_classes + 1): ``matrix``, and ``missed`` as its last column."""
        return np.column_stack([self.matrix, self.missed])

    def iou(self) -> np.ndarray:
        """Intersection over union of each class, as the function ``iou``."""
        return iou(*class_counts(self.counts))

    def miou(self) -> float:
        """Mean IoU over the classes present in the ground truth; NaN when nothing was scored."""
        return float(miou(*class_counts(self.counts)))

    def pixel_accuracy(self) -> float:
        """Share of scored pixels that were labelled right; NaN when nothing was scored."""
        return float(np.trace(self.matrix)) / self.pixels if self.pixels else float("nan")


def class_counts(counts: np.ndarray) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pixels of each class that are right, true and predicted, each [..., C].

    ``counts`` is one matrix like ``ConfusionMatrix.counts`` or many, [..., C, C + 1].
    """
    return np.diagonal(counts, axis1=-2, axis2=-1), counts.sum(axis=-1), counts[..., :-1].sum(axis=-2)


def iou(right: np.ndarray, true: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Intersection over union of each class, float64 [..., C]: TP / (TP + FP + FN); see ``class_counts``.

    NaN for a class that occurs neither in truth nor in prediction; 0 for one only ever predicted wrongly.
    """
    union = true + predicted - right
    return np.where(union > 0, right / np.maximum(union, 1), np.nan)


def miou(right: np.ndarray, true: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Mean IoU over the classes present in the ground truth, float64 [...]; NaN where there is none."""
    present = true > 0
    total = np.where(present, iou(right, true, predicted), 0.0).sum(axis=-1)
    classes = present.sum(axis=-1)
    return np.where(classes > 0, total / np.maximum(classes, 1), np.nan)


def _as_uint8(labels: np.ndarray, what: str) -> np.ndarray:
    if labels.dtype == np.uint8:
        return labels
    if labels.dtype.kind not in "iu" or (labels.size and not 0 <= labels.min() <= labels.max() <= 255):
        raise InputError(f"{what} must be integers from 0 to 255; received {labels.dtype}")
    return labels.astype(np.uint8)


def _shape(array: np.ndarray) -> str:
    return "x".join(str(length) for length in array.shape)


def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """``part`` / ``whole``, float64; NaN where the whole is 0."""
    return np.where(np.asarray(whole) > 0, part / np.maximum(whole, 1), np.nan)
