"""Tell images that were lost before they came from those of a slow camera, by the stamps of the others."""

from typing import Any, Iterable, List, NamedTuple, Optional

import numpy as np

#: What Fast DDS's shared memory holds by default, in bytes; a larger image is cut into pieces that get lost.
SEGMENT_BYTES = 1 << 19

#: How many images are looked back upon.
LOOKED_BACK = 30

_FEWEST_GAPS = 6    # between stamps; fewer say nothing
_DEVIATION = 0.2    # of a gap from a multiple of the period, in periods
_BROKEN_SHARE = 0.2  # of the gaps, from which on images are said to be lost


class Loss(NamedTuple):
    """Images that were sent, as the stamps of those beside them tell, and did not come."""

    lost: int
    sent: int         # in the same time
    period_s: float   # between two that were sent
    image_bytes: int  # of the last one


class Arrival(NamedTuple):
    """What is kept of an image that has come."""

    stamp: Any        # of its header: seconds and nanoseconds
    image_bytes: int


def large_image_loss(arrivals: Iterable[Arrival]) -> Optional[Loss]:
    """What was lost of images too large for Fast DDS's own shared memory; None where they are smaller.

    ``arrivals``: the last ``LOOKED_BACK`` images, oldest first.
    """
    found = list(arrivals)
    if not found or found[-1].image_bytes <= SEGMENT_BYTES:
        return None
    return find_loss([one.stamp.sec + one.stamp.nanosec / 1e9 for one in found], found[-1].image_bytes)


def find_loss(stamps_s: List[float], image_bytes: int = 0) -> Optional[Loss]:
    """What is missing from a regular series of stamps, or None.

    The camera's period is about the shortest gap. Where other gaps are no multiples of it, the camera itself
    is irregular; a single long one is a pause.
    """
    gaps = np.diff(stamps_s)
    if len(gaps) < _FEWEST_GAPS or gaps.min() <= 0:
        return None
    period = _period(gaps)
    periods = np.round(gaps / period)
    regular = np.abs(gaps / period - periods) <= _DEVIATION
    broken = int(np.count_nonzero(periods > 1))
    if np.mean(regular) < 0.9 or broken < 3 or broken < _BROKEN_SHARE * len(gaps):
        return None
    return Loss(int(periods.sum()) - len(gaps), int(periods.sum()) + 1, period, image_bytes)


def _period(gaps: np.ndarray) -> float:
    """Begin with the shortest gap, and better it by longer and longer ones: each counts for its multiple."""
    period, seconds, count = float(gaps.min()), 0.0, 0
    for gap in np.sort(gaps):
        seconds, count = seconds + float(gap), count + int(round(gap / period))
        period = seconds / count
    return period
