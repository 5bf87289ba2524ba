"""Totals: the counts of many frames, added up; integers, so that the order does not matter."""

from typing import Any

import numpy as np

from bisenet_core.evaluation.metrics import (
    boundary_score,
    calibration,
    scoring,
    teacher_agreement,
    temporal_consistency,
)
from bisenet_core.evaluation.metrics.frame_result import FrameResult
from bisenet_core.evaluation.replay.part_result import COUNTS
from bisenet_core.labels.label_space import LabelSpace


class Totals:
    """Sums over the frames that were added."""

    def __init__(self, space: LabelSpace) -> None:
        self._space = space
        self._sums: dict[str, np.ndarray] = {}
        #: how many frames had each kind of counts
        self.counted = dict.fromkeys((*COUNTS, "driven"), 0)

    def add(self, frame: FrameResult, driven: bool) -> None:
        """Count one frame; ``driven``: whether a live node would have labelled it."""
        for name in COUNTS:
            self._add(name, getattr(frame, name))
        self._add("driven", frame.confusion if driven else None)

    def scores(self) -> dict[str, Any]:
        """``miou``, ``iou``, ``pixel_accuracy`` and ``confusion_matrix`` of results.json."""
        matrix = self._sum("confusion")
        if matrix is None:
            return dict.fromkeys(("miou", "iou", "pixel_accuracy", "confusion_matrix"))
        return {**scoring.summary(matrix, self._space.classes), "confusion_matrix": matrix.tolist()}

    def scores_as_driven(self) -> dict[str, Any]:
        """``miou`` and ``pixel_accuracy`` over the frames that a live node would have labelled."""
        matrix = self._sum("driven")
        scores = {} if matrix is None else scoring.summary(matrix, self._space.classes)
        return {key: scores.get(key) for key in ("miou", "pixel_accuracy")}

    def others(self, teacher: str | None) -> dict[str, Any]:
        """``boundary``, ``calibration``, ``temporal`` and ``teacher``; None where there is nothing."""
        classes = self._space.classes
        boundary, calibrated = self._sum("boundary"), self._sum("calibration")
        temporal, taught = self._sum("temporal"), self._sum("teacher")
        pairs = self.counted["temporal"]
        return {
            "boundary": None if boundary is None else boundary_score.summary(boundary, classes),
            "calibration": None if calibrated is None else calibration.summary(calibrated),
            "temporal": None if temporal is None else temporal_consistency.summary(temporal, pairs, classes),
            "teacher": None
            if taught is None or teacher is None
            else teacher_agreement.summary(taught, teacher, classes),
        }

    def _add(self, name: str, counts: np.ndarray | None) -> None:
        if counts is not None:
            self._sums[name] = self._sums.get(name, 0) + counts
            self.counted[name] += 1

    def _sum(self, name: str) -> np.ndarray | None:
        return self._sums.get(name)
