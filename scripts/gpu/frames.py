"""Images to measure with, and how long a call takes over many of them."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from bisenet_core.benchmarks.segmenter_speed import street
from bisenet_core.benchmarks.timing import timed
from bisenet_core.reports.measurement import percentiles

_BEYOND_CACHES, _MOST_IMAGES = 512 << 20, 100  # bytes


def streets(camera: tuple[int, int]) -> Iterator[np.ndarray]:
    """As ``street``, without end: of different images, more than a processor's caches hold."""
    first = street(camera)
    count = min(_MOST_IMAGES, 1 + _BEYOND_CACHES // first.nbytes)
    return itertools.cycle([np.roll(first, 16 * index, axis=1) for index in range(count)])


def percentiles_of(call: Callable[[], Any], frames: int, warm_up: int) -> dict[str, float]:
    """p50 and p99 in ms of ``frames`` calls after ``warm_up`` others; each ends with its result."""
    for _ in range(warm_up):
        call()
    return percentiles([timed(call)[0] for _ in range(frames)])
