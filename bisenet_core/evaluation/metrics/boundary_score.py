"""Boundary F-score: how well the outlines of predicted regions match the true ones."""

import cv2
import numpy as np

from bisenet_core.labels.label_space import UNLABELED
from bisenet_core.labels.metrics import ratio

#: Distance, in pixels between their centres, within which two boundary pixels of a class match.
TOLERANCE_PX = 2


def counts(
    labels: np.ndarray, truth: np.ndarray, num_classes: int, tolerance: int = TOLERANCE_PX
) -> np.ndarray:
    """``FrameResult.boundary``, int64 C x 4, of two HxW uint8 label images; truth of no class is unknown.

    By class: boundary pixels predicted, of them near true ones, boundary pixels true, of them near
    predicted ones. A boundary pixel has a pixel of another id above, below, left or right of it. Next
    to unknown truth there is no true boundary, and no boundary pixel, predicted or true, is counted within
    the tolerance of unknown truth: labels equal to all known truth are perfect.
    """
    known = truth < num_classes
    side = np.arange(-tolerance, tolerance + 1)
    disk = (side[:, None] ** 2 + side**2 <= tolerance**2).astype(np.uint8)
    clear = cv2.dilate((~known).view(np.uint8), disk) == 0
    true = _changes(truth, known)
    predicted = _changes(labels, None) & (labels < num_classes)
    of_ours = _matched(labels, predicted & clear, _on(true, truth, tolerance), disk, num_classes)
    of_true = _matched(truth, true & clear, _on(predicted, labels, tolerance), disk, num_classes)
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


def f_score(total: np.ndarray) -> np.ndarray:
    """Mean F-score over the classes with a true boundary, float64 [...], of summed counts [..., C, 4].

    NaN where there is none.
    """
    present = total[..., 2] > 0
    return ratio(np.where(present, f_scores(total), 0.0).sum(axis=-1), present.sum(axis=-1))


def _changes(ids: np.ndarray, known: np.ndarray | None) -> np.ndarray:
    # HxW bool: known pixels with a known one of another id above, below, left or right; None: all are known
    result = np.zeros(ids.shape, bool)
    for here, there in ((np.s_[:, 1:], np.s_[:, :-1]), (np.s_[1:], np.s_[:-1])):
        differ = ids[here] != ids[there]
        if known is not None:
            differ &= known[here] & known[there]
        result[here] |= differ
        result[there] |= differ
    return result


def _on(boundary: np.ndarray, ids: np.ndarray, margin: int) -> np.ndarray:
    # ids on the boundary, UNLABELED elsewhere and in a margin that a search near a pixel may enter
    height, width = ids.shape
    result = np.full((height + 2 * margin, width + 2 * margin), UNLABELED, np.uint8)
    np.copyto(result[margin : margin + height, margin : margin + width], ids, where=boundary)
    return result


def _matched(
    ids: np.ndarray, counted: np.ndarray, other: np.ndarray, disk: np.ndarray, classes: int
) -> tuple[np.ndarray, np.ndarray]:
    # By class: pixels that are counted, of them near one of the class in ``other``. Only boundary pixels are
    # visited, which is cheaper than a distance transform for each class.
    places = np.flatnonzero(counted)
    found = ids.ravel()[places]
    margin, stride = len(disk) // 2, other.shape[1]
    centres = places + places // ids.shape[1] * (stride - ids.shape[1]) + margin * (stride + 1)
    near = np.zeros(places.size, bool)
    rows, columns = np.nonzero(disk)
    for offset in (rows - margin) * stride + columns - margin:
        near |= other.ravel()[centres + offset] == found
    return np.bincount(found, minlength=classes), np.bincount(found[near], minlength=classes)
