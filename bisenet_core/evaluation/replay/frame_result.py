"""FrameResult: what is counted in one labelled frame; FrameScorer counts it, frame after frame."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from bisenet_core.drives.drive import Frame
from bisenet_core.errors import InputError
from bisenet_core.evaluation.metrics import bands, boundary_score, calibration, temporal_consistency
from bisenet_core.labels.label_space import LabelSpace
from bisenet_core.labels.metrics import ConfusionMatrix
from bisenet_core.runtime.segmenter import Segmentation

#: Stages of ``FrameResult.timings_ms``; "segment" is the whole Segmenter.
STAGES = ("decode", "preprocess", "network", "postprocess", "segment")

#: Names of a FrameResult's arrays.
COUNTS = ("confusion", "boundary", "calibration", "temporal", "teacher", "distance", "objects")


@dataclass(frozen=True)
class FrameResult:
    """One frame's outcome. Arrays are int64 counts, which add up to the same totals in any order; None where
    there was nothing to compare with."""

    index: int
    recorded_ns: int
    stamp_ns: int
    width: int = 0
    height: int = 0
    problem: str = ""
    """Why it was not labelled or not scored, or empty."""
    timings_ms: dict[str, float] = field(default_factory=dict)
    """By stage; empty where it was not labelled."""
    confusion: np.ndarray | None = None
    """C x (C + 1), [truth, prediction]; the last column counts pixels predicted to be no class."""
    boundary: np.ndarray | None = None
    """C x 4: boundary pixels predicted, of them near true ones; boundary pixels true, of them near ours."""
    calibration: np.ndarray | None = None
    """256 x 2, by confidence value: scored pixels, of them right."""
    temporal: np.ndarray | None = None
    """C x 2, against the frame before: pixels of a class that could be followed, of them changed."""
    teacher: np.ndarray | None = None
    """C x (C + 1), [teacher's class, ours]."""
    distance: np.ndarray | None = None
    """D x 3 x C, by distance: pixels of a class that are right, true and predicted."""
    objects: np.ndarray | None = None
    """S x C x 4, by height: true objects, of them found, their pixels, of them right."""


class FrameScorer:
    """Counts consecutive frames of one bag.

    ``bag`` is how errors name it. ``before``: the last frame before the first that is scored, if any.
    ``distances``: see ``distance_bands``; of frames of another size no distances are counted.
    ``objects``: ids of the classes whose objects are counted.
    """

    def __init__(
        self, bag: str, space: LabelSpace, before: temporal_consistency.View | None = None,
        distances: np.ndarray | None = None, objects: Collection[int] = (),
    ) -> None:
        self._bag, self._space, self._before = bag, space, before
        self._distances, self._objects = distances, objects

    def score(
        self, frame: Frame, labelled: Segmentation | None, teacher: np.ndarray | None
    ) -> FrameResult:
        """Count the next frame, as the network ``labelled`` it; None where it could not.

        ``teacher``: HxW uint8 labels of the teacher, if there is one. Raises InputError for truth with ids
        that the model does not know.
        """
        height, width = frame.image.shape[:2] if frame.image is not None else (0, 0)
        result = FrameResult(
            frame.index, frame.recorded_ns, frame.stamp_ns, width, height, frame.problem)
        before, self._before = self._before, view_of(frame, labelled)
        if labelled is None:
            return result
        counts, classes = self._against_truth(frame, labelled), self._space.num_classes
        if teacher is not None:
            counts["teacher"] = ConfusionMatrix(classes).update(labelled.labels, teacher).counts
        if before is not None and self._before is not None:
            counts["temporal"] = temporal_consistency.counts(before, self._before, classes)
        times = {name.removesuffix("_ms"): value for name, value in labelled.timings.items()}
        times |= {"segment": times.pop("total"), "decode": frame.decode_ms}
        return replace(result, timings_ms=times, **counts)

    def _against_truth(self, frame: Frame, labelled: Segmentation) -> dict[str, Any]:
        labels, truth, classes = labelled.labels, frame.truth, self._space.num_classes
        if truth is None or labelled.confidence is None:
            return {}
        try:
            confusion = ConfusionMatrix(classes, self._space.ignore_id).update(labels, truth)
        except InputError as error:
            raise InputError(f"{self._bag}, image {frame.index}: {error}") from None
        return {
            "confusion": confusion.counts,
            "boundary": boundary_score.counts(labels, truth, classes),
            "calibration": calibration.counts(labels, labelled.confidence, truth, classes),
            "distance": bands.distance_counts(labels, truth, self._distances, self._space),
            "objects": bands.object_counts(labels, truth, self._objects, self._space),
        }


def view_of(frame: Frame, labelled: Segmentation | None) -> temporal_consistency.View | None:
    """What the frame after this one is compared with; None where it was not labelled."""
    if frame.image is None or labelled is None:
        return None
    return temporal_consistency.view(frame.image, labelled.labels)
