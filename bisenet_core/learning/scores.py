"""Scores of a validation, over all processes of a run."""

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from torch import Tensor

from bisenet_core.labels.label_space import UNLABELED
from bisenet_core.labels.metrics import ConfusionMatrix, class_counts, iou
from bisenet_core.learning.distributed import gathered

#: Of the state in a checkpoint.
KEY = "scores"


@dataclass(frozen=True)
class ValidationScores:
    """Shares of 1; ``counts`` is ``ConfusionMatrix.counts``, ``images`` the mIoU of each labelled image."""

    iteration: int
    miou: float
    pixel_accuracy: float
    counts: list[list[int]]
    images: dict[int, float]
    """By its index in the split."""

    def class_ious(self) -> list[float | None]:
        """IoU of each class; None for one that occurs neither in the truth nor in the prediction."""
        values = iou(*class_counts(np.array(self.counts, np.int64)))
        return [float(value) if math.isfinite(value) else None for value in values]


class SegmentationScore:
    """Counts over all images in ``confusion``, and the mean IoU of each in ``image_miou`` by its index."""

    def __init__(self, num_classes: int) -> None:
        self.confusion = ConfusionMatrix(num_classes, UNLABELED)
        self.image_miou: dict[int, float] = {}

    def update(self, labels: Tensor, target: Tensor, indices: Tensor) -> None:
        """Add B images: labels and target BxHxW of class ids or ``UNLABELED``, and their indices, B."""
        pairs = zip(labels.byte().cpu().numpy(), target.byte().cpu().numpy(), indices.tolist())
        for found, truth, index in pairs:
            own = ConfusionMatrix(self.confusion.num_classes, UNLABELED).update(found, truth)
            self.confusion.merge(own)
            if own.pixels:
                self.image_miou[index] = own.miou()

    def merge_processes(self) -> None:
        """Add what the other processes have counted; each of them does the same."""
        others = gathered((self.confusion.matrix, self.confusion.missed, self.image_miou))
        matrices, missed, images = zip(*others)
        self.confusion.matrix, self.confusion.missed = np.sum(matrices, axis=0), np.sum(missed, axis=0)
        self.image_miou = {index: miou for part in images for index, miou in part.items()}

    def metrics(self) -> dict[str, float]:
        """Shares of 1 by the names they have in the logs."""
        return {"val_miou": self.confusion.miou(), "val_pixel_accuracy": self.confusion.pixel_accuracy()}

    def to_state(self, iteration: int) -> dict[str, Any]:
        """What a checkpoint keeps for the run's report, as plain values: ``ValidationScores``."""
        known = {int(index): float(miou) for index, miou in self.image_miou.items() if math.isfinite(miou)}
        found = self.confusion
        scores = ValidationScores(
            iteration, found.miou(), found.pixel_accuracy(), found.counts.tolist(), known
        )
        return {KEY: asdict(scores)}


class ClassificationScore:
    """How often the true class is the most probable one, and how often among the five most probable."""

    def __init__(self) -> None:
        self.images, self.top1, self.top5 = 0, 0, 0

    def update(self, logits: Tensor, target: Tensor) -> None:
        """Add B images: logits BxK and the true classes, B."""
        best = logits.topk(min(5, logits.shape[1]), dim=1).indices == target[:, None]
        self.images += len(target)
        self.top1 += int(best[:, 0].sum())
        self.top5 += int(best.sum())

    def merge_processes(self) -> None:
        """Add what the other processes have counted; each of them does the same."""
        self.images, self.top1, self.top5 = np.sum(
            gathered((self.images, self.top1, self.top5)), axis=0
        ).tolist()

    def metrics(self) -> dict[str, float]:
        """Shares of 1 by the names they have in the logs."""
        images = max(1, self.images)
        return {"val_top1": self.top1 / images, "val_top5": self.top5 / images}

    def to_state(self, _iteration: int) -> dict[str, Any]:
        """Nothing: the run's report shows the logged metrics."""
        return {}
