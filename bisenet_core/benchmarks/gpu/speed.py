"""Sections network and segment: the network alone, and host to host from cameras of several sizes."""

from time import perf_counter
from typing import Any

import numpy as np

from bisenet_core.benchmarks.bare_network import bare_network
from bisenet_core.benchmarks.gpu.kit import Subject
from bisenet_core.benchmarks.gpu.plan import Step
from bisenet_core.benchmarks.gpu.settings import Settings, Size, size_text
from bisenet_core.benchmarks.gpu.timing import milliseconds
from bisenet_core.drives.rendering import RenderedDrive
from bisenet_core.reports.percentiles import percentiles
from bisenet_core.runtime.opening import open_backend
from bisenet_core.runtime.segmenter import Segmenter


def open_segmenter(step: Step, settings: Settings) -> Segmenter:
    """The step's network on the backend of the check, at the card's own input size."""
    card = Subject(settings.kit / step.subject).card
    return Segmenter(card, open_backend(card, settings.backend, step.precision))


def street(camera: Size) -> np.ndarray:
    """HxWx3 uint8 rgb. A street, not noise: upsampling costs most where neighbouring pixels disagree."""
    return RenderedDrive(*camera, frames=1)[0][0]


def measure_network(step: Step, settings: Settings) -> dict[str, Any]:
    """``wall_ms``: launch to end, nothing copied; ``gpu_ms``: the same on the GPU's own clock."""
    if settings.is_stand_in:
        with open_segmenter(step, settings) as segmenter:
            network = bare_network(segmenter.card, segmenter.backend)
            return {"wall_ms": milliseconds(network, settings.frames, settings.warm_up)}
    from bisenet_core.benchmarks.gpu.engine_session import open_session

    with open_session(Subject(settings.kit / step.subject).card, step.precision) as session:
        without = milliseconds(session.run, settings.frames, settings.warm_up)
        refused = session.capture()
        wall = without if refused else milliseconds(session.run, settings.frames, settings.warm_up)
        on_gpu = percentiles([session.run_between_events() for _ in range(settings.frames)])
    graph = refused or "used"
    return {"wall_ms": wall, "gpu_ms": on_gpu, "wall_without_graph_ms": without, "cuda_graph": graph}


def measure_segment(step: Step, settings: Settings) -> dict[str, Any]:
    """Camera size -> what ``time_segmenter`` finds."""
    with open_segmenter(step, settings) as segmenter:
        return {size_text(camera): time_segmenter(segmenter, camera, settings) for camera in settings.cameras}


def time_segmenter(segmenter: Segmenter, camera: Size, settings: Settings) -> dict[str, Any]:
    """``wall_ms`` of segment(), from an image in ordinary host memory to labels there; p50 of its stages.

    ``allocations``: pieces of device and pinned memory taken after the warm-up; None on a backend that
    takes none such.
    """
    image = street(camera)
    for _ in range(settings.warm_up):
        segmenter.segment(image, "rgb")
    before = getattr(segmenter.backend, "allocations", None)
    times, stages = [], []
    for _ in range(settings.frames):
        started = perf_counter()
        result = segmenter.segment(image, "rgb")
        times.append(1e3 * (perf_counter() - started))
        stages.append(result.timings)
    after = getattr(segmenter.backend, "allocations", None)
    return {
        "wall_ms": percentiles(times),
        "stages_ms": {
            name.removesuffix("_ms"): round(float(np.median([row[name] for row in stages])), 4)
            for name in stages[0]
            if name != "total_ms"
        },
        "allocations": None if before is None or after is None else after - before,
    }
