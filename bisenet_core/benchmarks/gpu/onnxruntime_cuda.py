"""Section onnxruntime: the same model folder in ONNX Runtime's CUDA provider, through our backend of it."""

from typing import Any

from bisenet_core.benchmarks.gpu.kit import Subject
from bisenet_core.benchmarks.gpu.plan import Step
from bisenet_core.benchmarks.gpu.settings import Settings, size_text
from bisenet_core.benchmarks.gpu.speed import time_segmenter
from bisenet_core.errors import InputError
from bisenet_core.runtime.opening import open_backend
from bisenet_core.runtime.segmenter import Segmenter


def measure(step: Step, settings: Settings) -> dict[str, Any]:
    """As the section segment, for each camera size; ``network`` among the stages includes its copies."""
    card = Subject(settings.kit / step.subject).card
    with Segmenter(card, open_backend(card, "onnxruntime", step.precision)) as segmenter:
        device = segmenter.backend.device
        if "CUDA" not in device and not settings.is_stand_in:
            raise InputError(
                f"onnxruntime {segmenter.backend.version} here runs on {device}, not in its CUDA provider: "
                "pip install onnxruntime-gpu"
            )
        found: dict[str, Any] = {"device": device, "version": segmenter.backend.version}
        for camera in settings.cameras:
            found[size_text(camera)] = time_segmenter(segmenter, camera, settings)
    return found
