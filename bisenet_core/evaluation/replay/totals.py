"""Totals adds up the counts of frames and computes their scores."""

from collections import Counter
from typing import Any

import numpy as np

from bisenet_core.evaluation.metrics import (
    boundary_score,
    calibration,
    scoring,
    teacher_agreement,
    temporal_consistency,
)
from bisenet_core.evaluation.replay.frame_result import COUNTS, FrameResult
from bisenet_core.labels.label_space import LabelSpace
from bisenet_core.reports.replay.figure_names import FIGURES


class Totals:
    """Sums of integers, so that the order of the frames does not matter."""

    def __init__(self, space: LabelSpace) -> None:
        self._classes = space.classes
        #: by name of counts; those of "driven" are confusion matrices
        self._sums: dict[str, np.ndarray] = {}
        #: frames that have counts of each name; all of them as "all"
        self._of: Counter[str] = Counter()

    def add(self, frame: FrameResult, driven: bool) -> None:
        """Count one frame; ``driven``: whether a live node would have labelled it."""
        counts = {name: getattr(frame, name) for name in COUNTS}
        counts["driven"] = frame.confusion if driven else None
        for name, array in counts.items():
            if array is not None:
                self._sums[name] = self._sums.get(name, 0) + array
                self._of[name] += 1
        self._of["all"] += 1

    def figures(self, teacher: str | None) -> dict[str, Any]:
        """``scores``, ``frames``, ``scored``, and the measured ones of FIGURES by name as ``figures``."""
        scores = self.scores()
        found = {**scores, **self.other_metrics(teacher), "as_driven": self.scores_as_driven()}
        values = {name: FIGURES[name].of(found) for name in FIGURES}
        figures = {name: value for name, value in values.items() if value is not None}
        return {"frames": self._of["all"], "scored": self._of["confusion"], "figures": figures, **scores}

    def scores(self) -> dict[str, Any]:
        """``miou``, ``iou``, ``pixel_accuracy`` and ``confusion_matrix`` of results.json."""
        matrix = self._sums.get("confusion")
        if matrix is None:
            return dict.fromkeys(("miou", "iou", "pixel_accuracy", "confusion_matrix"))
        return {**scoring.summary(matrix, self._classes), "confusion_matrix": matrix.tolist()}

    def scores_as_driven(self) -> dict[str, Any]:
        """``miou`` and ``pixel_accuracy`` over the frames that a live node would have labelled, and of them
        those ``scored``."""
        matrix = self._sums.get("driven")
        scores = {} if matrix is None else scoring.summary(matrix, self._classes)
        return {"scored": self._of["driven"], **{key: scores.get(key) for key in ("miou", "pixel_accuracy")}}

    def other_metrics(self, teacher: str | None) -> dict[str, Any]:
        """``boundary``, ``calibration``, ``temporal`` and ``teacher``; None where nothing was counted."""
        classes = self._classes
        summaries = {
            "boundary": lambda sums: boundary_score.summary(sums, classes),
            "calibration": calibration.summary,
            "temporal": lambda sums: temporal_consistency.summary(sums, self._of["temporal"], classes),
            "teacher": lambda sums: teacher_agreement.summary(sums, str(teacher), classes),
        }
        return {name: summary(self._sums[name]) if name in self._sums else None
                for name, summary in summaries.items()}
