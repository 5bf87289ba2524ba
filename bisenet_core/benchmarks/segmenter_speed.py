"""Time a frame through the bare network and through the whole Segmenter, side by side."""

from typing import Any

import numpy as np

from bisenet_core.benchmarks.timing import bare_network, timed_in_turn
from bisenet_core.drives.rendering import RenderedDrive
from bisenet_core.errors import BackendUnavailable, InputError
from bisenet_core.reports.measurement import percentiles
from bisenet_core.runtime.model_card import ModelCard
from bisenet_core.runtime.opening import open_backend
from bisenet_core.runtime.segmenter import Segmenter
from bisenet_core.runtime.tuned_choice import choices_on_cpu


def street(size: tuple[int, int]) -> np.ndarray:
    """HxWx3 uint8 rgb. A street, not noise: upsampling costs most where neighbouring pixels disagree."""
    return RenderedDrive(*size, frames=1)[0][0]


def measure(segmenter: Segmenter, camera_size: tuple[int, int], frames: int) -> dict[str, Any]:
    """Percentiles of milliseconds per frame, ``network_ms`` of the bare network and ``segment_ms``, in turn.

    Also the medians of the latter's parts, the ratio of the medians, and frames per second at the median.
    ``camera_size`` is (width, height) of the image. On a GPU, whose own clock times the network inside a
    frame, ``network_ms`` is that time.
    """
    image, timings = street(camera_size), list[dict[str, float]]()
    calls: dict[str, Any] = {"segment_ms": lambda: timings.append(segmenter.segment(image).timings)}
    if not segmenter.backend.on_gpu:
        calls["network_ms"] = bare_network(segmenter.card, segmenter.backend)
    times = timed_in_turn(calls, frames)
    parts = {part: [one[f"{part}_ms"] for one in timings[-frames:]]
             for part in ("preprocess", "network", "postprocess")}
    network, segment = (percentiles(times.get(key, parts["network"])) for key in ("network_ms", "segment_ms"))
    return {
        "network_ms": network,
        "segment_ms": segment,
        "segment_parts_ms": {part: round(float(np.median(values)), 3) for part, values in parts.items()},
        "ratio": round(segment["p50"] / network["p50"], 4),
        "fps": round(1e3 / segment["p50"], 2),
    }


def cpu_segmenters(card: ModelCard, size: tuple[int, int]) -> tuple[dict[Any, Segmenter], list[str]]:
    """Segmenters at ``size`` by (backend, precision), all that "auto" may choose on a CPU; why others fail.

    Raises BackendUnavailable where none opens.
    """
    found, failures = {}, []
    for backend, precision in choices_on_cpu(card):
        try:
            opened = open_backend(card, backend, precision, size)
            if not opened.on_gpu:  # as ONNX Runtime is where it has CUDA
                found[backend, precision] = Segmenter(card, opened)
        except InputError as error:  # noqa: PERF203 - a precision that this CPU lacks, a file that is damaged
            failures.append(str(error))
    if not found:
        raise BackendUnavailable("nothing runs it on this CPU: " + "; ".join(dict.fromkeys(failures)))
    return found, failures
