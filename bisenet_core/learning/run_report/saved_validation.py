"""ValidationScores: what a validation found, small enough to travel in the checkpoint that it belongs to."""

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from bisenet_core.labels.metrics import ConfusionMatrix, class_counts, iou

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

    @classmethod
    def of(cls, iteration: int, confusion: ConfusionMatrix, images: dict[int, float]) -> "ValidationScores":
        known = {int(index): float(value) for index, value in images.items() if math.isfinite(value)}
        return cls(iteration, confusion.miou(), confusion.pixel_accuracy(), confusion.counts.tolist(), known)

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "ValidationScores | None":
        """From ``to_state``'s, or None where it is of no validation."""
        return cls(**state[KEY]) if state.get(KEY) else None

    def to_state(self) -> dict[str, Any]:
        """Plain values, which a checkpoint may hold."""
        return {KEY: asdict(self)}

    def class_ious(self) -> list[float | None]:
        """IoU of each class; None for one that occurs neither in the truth nor in the prediction."""
        values = iou(*class_counts(np.array(self.counts, np.int64)))
        return [float(value) if math.isfinite(value) else None for value in values]
