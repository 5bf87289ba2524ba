"""FrameScorer: labelled frames in, one after another; their counts out."""

from dataclasses import dataclass, field

import cv2
import numpy as np

from bisenet_core.drives.drive import Frame
from bisenet_core.errors import InputError
from bisenet_core.evaluation.metrics import (
    boundary_score,
    calibration,
    teacher_agreement,
    temporal_consistency,
)
from bisenet_core.evaluation.metrics.frame_result import FrameResult
from bisenet_core.labels.label_space import LabelSpace
from bisenet_core.labels.metrics import ConfusionMatrix


@dataclass(frozen=True)
class LabelledFrame:
    """A frame and what the networks made of it. Label images are HxW uint8, None where there is no image."""

    frame: Frame
    labels: np.ndarray | None = None
    confidence: np.ndarray | None = None
    """HxW uint8, only where there is truth to compare it with."""
    teacher: np.ndarray | None = None
    timings_ms: dict[str, float] = field(default_factory=dict)
    problem: str = ""


class FrameScorer:
    """Counts of consecutive frames of the bag ``name``; ``before`` is the frame before the first, if any."""

    def __init__(self, name: str, space: LabelSpace, before: LabelledFrame | None = None) -> None:
        self._name = name
        self._space = space
        self._view = _view(before) if before else None

    def score(self, labelled: LabelledFrame) -> FrameResult:
        """Counts of the next frame. Raises InputError for truth with ids that the model does not know."""
        frame = labelled.frame
        height, width = frame.image.shape[:2] if frame.image is not None else (0, 0)
        return FrameResult(
            frame.index,
            frame.recorded_ns,
            frame.stamp_ns,
            width,
            height,
            labelled.problem or frame.problem,
            labelled.timings_ms,
            **self._against_truth(labelled),
            temporal=self._against_frame_before(labelled),
            teacher=self._against_teacher(labelled),
        )

    def _against_truth(self, labelled: LabelledFrame) -> dict[str, np.ndarray]:
        labels, truth, classes = labelled.labels, labelled.frame.truth, self._space.num_classes
        if labels is None or truth is None or labelled.confidence is None:
            return {}
        try:
            confusion = ConfusionMatrix(classes, self._space.ignore_id).update(labels, truth)
        except InputError as error:
            raise InputError(f"{self._name}, image {labelled.frame.index}: {error}") from None
        return {
            "confusion": confusion.counts,
            "boundary": boundary_score.counts(labels, truth, classes),
            "calibration": calibration.counts(labels, labelled.confidence, truth, classes),
        }

    def _against_frame_before(self, labelled: LabelledFrame) -> np.ndarray | None:
        before, self._view = self._view, _view(labelled)
        if before is None or self._view is None:
            return None
        return temporal_consistency.counts(before, self._view, self._space.num_classes)

    def _against_teacher(self, labelled: LabelledFrame) -> np.ndarray | None:
        if labelled.labels is None or labelled.teacher is None:
            return None
        return teacher_agreement.counts(labelled.labels, labelled.teacher, self._space.num_classes)


def labels_png(labelled: LabelledFrame) -> bytes:
    """The labels as a PNG, lossless; empty where there are none."""
    if labelled.labels is None:
        return b""
    return bytes(cv2.imencode(".png", labelled.labels, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1])


def _view(labelled: LabelledFrame) -> temporal_consistency.View | None:
    if labelled.frame.image is None or labelled.labels is None:
        return None
    return temporal_consistency.view(labelled.frame.image, labelled.labels)
