"""Time a frame through the bare network and through the whole Segmenter, side by side."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from bisenet_core.benchmarks.bare_network import bare_network
from bisenet_core.benchmarks.timing import timed
from bisenet_core.drives.rendering import RenderedDrive
from bisenet_core.reports.percentiles import percentiles
from bisenet_core.runtime.segmenter import Segmenter

WARM_UP_FRAMES = 10
_PARTS = ("preprocess_ms", "network_ms", "postprocess_ms")


def measure(segmenter: Segmenter, camera_size: tuple[int, int], frames: int) -> Iterator[dict[str, float]]:
    """Yield one row of milliseconds per frame: ``network_ms`` alone, ``segment_ms`` and the latter's parts.

    ``camera_size`` is (width, height) of the rgb8 image. The two are run in turn on every frame, and the
    order changes with each, so that neither profits from a quieter machine or a warmer cache. The first
    ``WARM_UP_FRAMES`` are run and not reported. On a GPU, whose own clock times the network inside a frame,
    ``network_ms`` is that time.
    """
    network = None if segmenter.backend.on_gpu else bare_network(segmenter.card, segmenter.backend)
    # a street, not noise: upsampling costs most where neighbouring pixels disagree
    image, _ = RenderedDrive(*camera_size, frames=1)[0]
    for index in range(-WARM_UP_FRAMES, frames):
        if network and index % 2:
            network_ms, _ = timed(network)
            segment_ms, result = timed(lambda: segmenter.segment(image, color_order="rgb"))
        else:
            segment_ms, result = timed(lambda: segmenter.segment(image, color_order="rgb"))
            network_ms = timed(network)[0] if network else result.timings["network_ms"]
        if index >= 0:
            parts = {f"segment_{part}": result.timings[part] for part in _PARTS}
            yield {"network_ms": network_ms, "segment_ms": segment_ms, **parts}


def summarise(rows: list[dict[str, float]]) -> dict[str, Any]:
    """Percentiles of the rows of ``measure``, ratio of the medians, frames per second at the median."""
    result: dict[str, Any] = {
        key: percentiles([row[key] for row in rows]) for key in ("network_ms", "segment_ms")
    }
    result["segment_parts_ms"] = {
        part[:-3]: round(float(np.median([row[f"segment_{part}"] for row in rows])), 3) for part in _PARTS
    }
    result["ratio"] = round(result["segment_ms"]["p50"] / result["network_ms"]["p50"], 4)
    result["fps"] = round(1e3 / result["segment_ms"]["p50"], 2)
    return result
