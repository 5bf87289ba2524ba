"""Section parity: the labels against those of ONNX Runtime on the CPU in FP32."""

from typing import Any

import numpy as np

from bisenet_core.benchmarks.gpu.kit import Subject
from bisenet_core.benchmarks.gpu.plan import Step
from bisenet_core.benchmarks.gpu.settings import Settings
from bisenet_core.benchmarks.gpu.speed import open_segmenter

#: Least share of equal labels, by precision.
NEEDED = {"fp32": 0.999, "fp16": 0.995}


def measure(step: Step, settings: Settings) -> dict[str, Any]:
    """``equal_labels``: of the frame with the fewest; ``needed``; ``frames``."""
    with open_segmenter(step, settings) as segmenter:
        shares = [
            float(np.mean(segmenter.segment(image, "rgb").labels == labels))
            for image, labels in Subject(settings.kit / step.subject).references()
        ]
    return {"equal_labels": min(shares), "needed": NEEDED[step.precision], "frames": len(shares)}
