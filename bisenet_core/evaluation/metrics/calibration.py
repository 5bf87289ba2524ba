"""Calibration: whether pixels labelled with 80% confidence are right in 80 of 100 cases."""

from typing import Any

import numpy as np

from bisenet_core.evaluation.metrics.scoring import or_none
from bisenet_core.labels.metrics import ratio

BINS = 15
_VALUES = np.arange(256)
_UNKNOWN = 512


def counts(labels: np.ndarray, confidence: np.ndarray, truth: np.ndarray, num_classes: int) -> np.ndarray:
    """``FrameResult.calibration``, int64 256 x 2, of three HxW uint8 images.

    By confidence value, 255 times the probability: pixels whose truth is a class, of them right.
    """
    key = confidence.astype(np.uint16)
    key |= (labels == truth).astype(np.uint16) << 8
    key |= (truth >= num_classes).astype(np.uint16) * np.uint16(_UNKNOWN)
    wrong, right = np.bincount(key.ravel(), minlength=2 * _UNKNOWN)[:_UNKNOWN].reshape(2, 256)
    return np.column_stack([wrong + right, right])


def binned(total: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pixels, right pixels and the sum of confidence values, int64 by bin, of summed counts 256 x 2.

    Bin i of the 15 has the probabilities in (i / 15, (i + 1) / 15], the first one 0 too.
    """
    index = np.maximum(-(-_VALUES * BINS // 255) - 1, 0)
    sums = np.zeros((BINS, 3), np.int64)
    np.add.at(sums, index, np.column_stack([total, total[:, 0] * _VALUES]))
    pixels, right, values = sums.T
    return pixels, right, values


def expected_calibration_error(total: np.ndarray) -> float:
    """Mean over pixels of |accuracy - mean confidence| of the pixel's bin; NaN when nothing was scored."""
    return float(error_of_bins(np.stack(binned(total))))


def error_of_bins(bins: np.ndarray) -> np.ndarray:
    """``expected_calibration_error``, float64 [...], of what ``binned`` returns, stacked: [..., 3, 15]."""
    pixels, right, values = np.moveaxis(bins, -2, 0)
    # In integers until the end, so that the order of frames cannot matter.
    return ratio(np.abs(255 * right - values).sum(axis=-1), 255 * pixels.sum(axis=-1))


def summary(total: np.ndarray) -> dict[str, Any]:
    """``calibration`` of results.json from what ``binned`` returns, stacked and summed over frames."""
    pixels, right, values = total
    confidence, accuracy = ratio(values, 255 * pixels), ratio(right, pixels)
    bins = [
        {
            "low": round(i / BINS, 6),
            "high": round((i + 1) / BINS, 6),
            "confidence": or_none(confidence[i]),
            "accuracy": or_none(accuracy[i]),
            "pixels": int(pixels[i]),
        }
        for i in range(BINS)
    ]
    return {"ece": or_none(error_of_bins(total)), "bins": bins}
