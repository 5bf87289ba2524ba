"""Paired bootstrap: intervals for the difference between two models on the same frames."""

from collections.abc import Iterator

import numpy as np

from bisenet_core.errors import InputError
from bisenet_core.labels.metrics import iou, miou

#: Overall figures, before the IoU of each class, in the last axis of ``figures``.
OVERALL = ("miou", "pixel_accuracy", "as_driven_miou", "as_driven_pixel_accuracy")

_CHUNK_BYTES = 32_000_000


def resampled(counts: np.ndarray, resamples: int, seed: int, block: int = 1) -> Iterator[np.ndarray]:
    """Sums of ``counts``, N x ..., over N frames drawn with replacement: ``resamples`` rows, in chunks.

    The sums of whole numbers below 2^53 are exact. ``block`` successive frames are drawn together (the
    last is followed by the first): neighbours in a drive show nearly the same, and drawn one by one they
    pass for independent. Raises InputError for less than one resample or frame in a block.
    """
    if resamples < 1 or block < 1:
        raise InputError(f"{resamples} resamples of blocks of {block} frames; expected at least one of each")
    frames, rng = len(counts), np.random.default_rng(seed)
    flat = counts.reshape(frames, -1).astype(np.float64)
    chunk = max(1, _CHUNK_BYTES // (8 * frames))
    for start in range(0, resamples, chunk):
        weights = _weights(rng, min(chunk, resamples - start), frames, block)
        yield (weights @ flat).reshape(-1, *counts.shape[1:])


def _weights(rng: np.random.Generator, rows: int, frames: int, block: int) -> np.ndarray:
    # float64 rows x frames: how often each frame was drawn
    starts = rng.integers(0, frames, (rows, -(-frames // block)))
    drawn = (starts[:, :, None] + np.arange(block)).reshape(rows, -1)[:, :frames] % frames
    cells = drawn + frames * np.arange(rows)[:, None]
    return np.bincount(cells.ravel(), minlength=rows * frames).reshape(rows, frames).astype(np.float64)


def figures(sums: np.ndarray) -> np.ndarray:
    """``OVERALL`` and the IoU of each class, float64 [..., 4 + C], NaN where undefined.

    ``sums`` is [..., 2, 3, C]: of every frame and of those labelled as driven, the pixels of each class
    that are right, true and predicted.
    """
    right, true, predicted = np.moveaxis(sums, -2, 0)
    pixels = true.sum(axis=-1)
    accuracy = np.where(pixels > 0, right.sum(axis=-1) / np.maximum(pixels, 1), np.nan)
    mean = miou(right, true, predicted)
    overall = np.stack([mean, accuracy], axis=-1)  # [..., 2, 2]
    classes = iou(right, true, predicted)[..., 0, :]
    return np.concatenate([overall.reshape(*overall.shape[:-2], 4), classes], axis=-1)


def interval(values: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """Percentile interval of the values that are numbers; NaN, NaN where there are none."""
    numbers = values[~np.isnan(values)]
    if not numbers.size:
        return float("nan"), float("nan")
    low, high = np.percentile(numbers, [50 * (1 - level), 50 * (1 + level)])
    return float(low), float(high)
