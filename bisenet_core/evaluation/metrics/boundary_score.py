"""Boundary F-score: are the outlines of the predicted regions where the true ones are?"""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from bisenet_core.evaluation.metrics.scoring import by_class, or_none
from bisenet_core.labels.label_space import UNLABELED
from bisenet_core.labels.metrics import ratio

#: Distance, in pixels between their centres, within which two boundary pixels of a class match.
TOLERANCE_PX = 2


def counts(
    labels: np.ndarray, truth: np.ndarray, num_classes: int, tolerance: int = TOLERANCE_PX
) -> np.ndarray:
    """``FrameResult.boundary``, int64 C x 4, of two HxW uint8 label images; truth of no class is unknown.

    By class: boundary pixels predicted, of them near true ones, boundary pixels true, of them near
    predicted ones. A boundary pixel has a pixel of another id above, below, left or right of it. Where
    that is unknown truth there is no telling, so no true boundary is there, and neither a predicted nor a
    true one is counted within the tolerance of unknown truth: labels equal to all known truth are perfect.
    """
    known = truth < num_classes
    disk = _disk(tolerance)
    clear = cv2.dilate((~known).view(np.uint8), disk) == 0
    true = _changes(truth, known)
    predicted = _changes(labels, np.ones_like(known)) & (labels < num_classes)

    def matched(ids: np.ndarray, boundary: np.ndarray, others: np.ndarray, other: np.ndarray) -> Any:
        counted, near = _padded(ids, boundary & clear, tolerance), _padded(others, other, tolerance)
        return _matched(counted, near, disk, num_classes)

    of_ours, of_true = matched(labels, predicted, truth, true), matched(truth, true, labels, predicted)
    return np.column_stack([*of_ours, *of_true])


def f_scores(total: np.ndarray) -> np.ndarray:
    """F-score of each class, float64 [..., C], of summed counts [..., C, 4]: 2 P R / (P + R).

    0 where only one of the two has a boundary or nothing matches; NaN where neither has one.
    """
    precision = ratio(total[..., 1], total[..., 0])
    recall = ratio(total[..., 3], total[..., 2])
    both = np.nan_to_num(precision) + np.nan_to_num(recall)
    scores = np.where(both > 0, 2 * np.nan_to_num(precision * recall) / np.where(both > 0, both, 1), 0.0)
    return np.where(np.isnan(precision) & np.isnan(recall), np.nan, scores)


def f_score(total: np.ndarray) -> float:
    """Mean F-score over the classes with a true boundary; NaN when there is none. ``total`` is C x 4."""
    present = total[:, 2] > 0
    return float(f_scores(total)[present].mean()) if present.any() else float("nan")


def summary(total: np.ndarray, classes: Sequence[str]) -> dict[str, Any]:
    """``boundary`` of results.json from counts summed over frames, C x 4."""
    scores = by_class(f_scores(total), classes)
    return {"tolerance_px": TOLERANCE_PX, "f_score": or_none(f_score(total)), "by_class": scores}


def _changes(ids: np.ndarray, known: np.ndarray) -> np.ndarray:
    # HxW bool: known pixels with a known one of another id above, below, left or right
    result = np.zeros(ids.shape, bool)
    for here, there in ((np.s_[:, 1:], np.s_[:, :-1]), (np.s_[1:], np.s_[:-1])):
        differ = (ids[here] != ids[there]) & known[here] & known[there]
        result[here] |= differ
        result[there] |= differ
    return result


def _padded(ids: np.ndarray, boundary: np.ndarray, margin: int) -> np.ndarray:
    # ids on the boundary, UNLABELED elsewhere and in a margin that a search near a pixel may enter
    return np.pad(np.where(boundary, ids, np.uint8(UNLABELED)), margin, constant_values=UNLABELED)


def _matched(
    boundary: np.ndarray, other: np.ndarray, disk: np.ndarray, classes: int
) -> tuple[np.ndarray, np.ndarray]:
    # Only boundary pixels are visited, which is cheaper than a distance transform for each class.
    points = np.flatnonzero(boundary != UNLABELED)
    ids = boundary.ravel()[points]
    near = np.zeros(points.size, bool)
    rows, columns = np.nonzero(disk)
    for offset in (rows - len(disk) // 2) * boundary.shape[1] + columns - len(disk) // 2:
        near |= other.ravel()[points + offset] == ids
    return np.bincount(ids, minlength=classes), np.bincount(ids[near], minlength=classes)


def _disk(radius: int) -> np.ndarray:
    # uint8, 1 at most ``radius`` from the centre
    side = np.arange(-radius, radius + 1)
    return (side[:, None] ** 2 + side**2 <= radius**2).astype(np.uint8)
