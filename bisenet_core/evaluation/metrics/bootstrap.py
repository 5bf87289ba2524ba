"""Bootstrap intervals: how far a figure may be off by chance, since other moments were not recorded."""

import numpy as np

from bisenet_core.errors import InputError

#: Neighbouring frames show nearly the same, so frames are drawn in blocks of this length.
BLOCK_S = 2.0

#: Of a short drive a block is no more than this share: with fewer blocks there is little to draw from.
_MOST_OF_A_DRIVE = 1 / 8


def draws(
    bag: np.ndarray, stamp_ns: np.ndarray, resamples: int = 1000, seed: int = 0, block: int | None = None
) -> np.ndarray:
    """How often each frame is drawn, uint16 ``resamples`` x N; the same every time for one ``seed``.

    ``bag``, int N, is the drive of each frame and ``stamp_ns``, int64 N, its time; frames of a drive are in
    order. As many drives as there are are drawn with replacement, and of each as many frames as it has, in
    blocks of successive ones (its last is followed by its first): ``block`` frames, by default those of
    ``BLOCK_S``. None at all (0 x N) where every draw would be the whole: of a drive no longer than a block.
    Raises InputError for less than one resample or frame in a block.
    """
    if resamples < 1 or (block is not None and block < 1):
        raise InputError(f"{resamples} resamples of blocks of {block} frames; expected at least one of each")
    rng, drawn = np.random.default_rng(seed), np.zeros((resamples, len(bag)), np.uint16)
    drives = [np.flatnonzero(bag == each) for each in np.unique(bag)]
    blocks = [block or _block_frames(stamp_ns[rows]) for rows in drives]
    if len(drives) == 1 and blocks[0] >= len(bag):
        return drawn[:0]
    for counts in drawn:
        for drive in rng.integers(0, len(drives), len(drives)):
            rows, length = drives[drive], blocks[drive]
            starts = rng.integers(0, len(rows), (-(-len(rows) // length), 1))
            places = (starts + np.arange(length)).ravel()[: len(rows)] % len(rows)
            counts[rows] += np.bincount(places, minlength=len(rows)).astype(np.uint16)
    return drawn


def _block_frames(stamp_ns: np.ndarray) -> int:
    """Frames of ``BLOCK_S``, by the usual time from one frame to the next; where a clock says none, as many
    as may be."""
    steps = np.diff(stamp_ns)
    step_s = float(np.median(steps)) / 1e9 if steps.size else 0.0
    most = max(1, int(len(stamp_ns) * _MOST_OF_A_DRIVE))
    return min(most, max(1, round(BLOCK_S / step_s))) if step_s > 0 else most


def interval(values: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """Percentile interval of the values that are numbers; NaN, NaN where there are none."""
    numbers = values[~np.isnan(values)]
    if not numbers.size:
        return float("nan"), float("nan")
    low, high = np.percentile(numbers, [50 * (1 - level), 50 * (1 + level)])
    return float(low), float(high)
