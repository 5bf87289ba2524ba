"""Agreement with a teacher, usually a larger model, whose labels are used like ground truth."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from bisenet_core.evaluation.metrics import scoring
from bisenet_core.labels.metrics import ConfusionMatrix


def counts(labels: np.ndarray, teacher: np.ndarray, num_classes: int) -> np.ndarray:
    """``FrameResult.teacher``, int64 C x (C + 1), of two HxW uint8 label images of the same classes.

    Pixels that the teacher leaves unlabelled are left out. Raises InputError for other sizes or ids.
    """
    return ConfusionMatrix(num_classes).update(labels, teacher).counts


def summary(total: np.ndarray, model: str, classes: Sequence[str]) -> dict[str, Any]:
    """``teacher`` of results.json from counts summed over frames; ``model`` is the teacher's name."""
    scores = scoring.summary(total, classes)
    return {
        "model": model,
        "miou": scores["miou"],
        "pixel_agreement": scores["pixel_accuracy"],
        "iou": scores["iou"],
    }
