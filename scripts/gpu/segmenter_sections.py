"""Sections parity, segment and onnxruntime: frames through our Segmenter, from host memory to host memory."""

from typing import Any

import numpy as np

from bisenet_core.benchmarks.timing import timed
from bisenet_core.errors import InputError, ParityError
from bisenet_core.reports.measurement import percentiles
from bisenet_core.runtime.opening import open_backend
from bisenet_core.runtime.segmenter import Segmenter
from gpu.frames import streets
from gpu.kit import Subject
from gpu.section import Settings, Size, Step, size_text

#: Least share of labels that must equal those of ONNX Runtime on the CPU in FP32, by precision.
NEEDED = {"fp32": 0.999, "fp16": 0.995}


def open_segmenter(step: Step, settings: Settings, backend: str = "") -> Segmenter:
    """The step's network at the card's own input size, by default on the backend of the check."""
    card = Subject(settings.kit / step.subject).card
    return Segmenter(card, open_backend(card, backend or settings.backend, step.precision))


def measure_parity(step: Step, settings: Settings) -> dict[str, Any]:
    """``equal_labels`` of the frame with the fewest, 0..1; ``frames``. Raises ParityError for too few."""
    with open_segmenter(step, settings) as segmenter:
        shares = [
            float(np.mean(segmenter.segment(image, "rgb").labels == labels))
            for image, labels in Subject(settings.kit / step.subject).references()
        ]
    needed = NEEDED[step.precision]
    if min(shares) < needed:
        raise ParityError(f"{min(shares):.4%} of a frame's labels equal the reference's; {needed:.1%} needed")
    return {"equal_labels": min(shares), "frames": len(shares)}


def measure_segment(step: Step, settings: Settings) -> dict[str, Any]:
    """Camera size -> what ``time_segmenter`` finds."""
    with open_segmenter(step, settings) as segmenter:
        return _every_camera(segmenter, settings)


def measure_onnxruntime(step: Step, settings: Settings) -> dict[str, Any]:
    """The same with ONNX Runtime's CUDA provider; ``network`` among the stages includes its copies."""
    with open_segmenter(step, settings, "onnxruntime") as segmenter:
        backend = segmenter.backend
        if "CUDA" not in backend.device and not settings.is_stand_in:
            raise InputError(
                f"onnxruntime {backend.version} runs on {backend.device}, not on CUDA: {backend.reason}"
            )
        return {"device": backend.device, "version": backend.version, **_every_camera(segmenter, settings)}


def _every_camera(segmenter: Segmenter, settings: Settings) -> dict[str, Any]:
    return {size_text(camera): time_segmenter(segmenter, camera, settings) for camera in settings.cameras}


def time_segmenter(segmenter: Segmenter, camera: Size, settings: Settings) -> dict[str, Any]:
    """``wall_ms`` of segment(), from an image in ordinary host memory to labels there; p50 of its stages.

    ``allocations``: pieces of device and pinned memory taken after the warm-up; None on a backend that
    takes none such.
    """
    images = streets(camera)
    for _ in range(settings.warm_up):
        segmenter.segment(next(images), "rgb")
    before = getattr(segmenter.backend, "allocations", None)
    rows = [timed(lambda: segmenter.segment(next(images), "rgb").timings) for _ in range(settings.frames)]
    after = getattr(segmenter.backend, "allocations", None)
    return {
        "wall_ms": percentiles([wall for wall, _ in rows]),
        "stages_ms": {
            name.removesuffix("_ms"): round(float(np.median([stages[name] for _, stages in rows])), 4)
            for name in rows[0][1]
            if name != "total_ms"
        },
        "allocations": None if before is None or after is None else after - before,
    }
