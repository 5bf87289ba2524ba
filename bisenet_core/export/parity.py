"""Does the file compute what the network computes?"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from torch import nn

from bisenet_core.errors import ParityError

MAX_DIFFERENCE = 1e-3
MIN_EQUAL_LABELS = 0.999


@dataclass(frozen=True)
class Parity:
    """Largest absolute difference of the logits, and the share of label positions (at 1/8) that are equal."""

    max_difference: float
    equal_labels: float


def measure_parity(network: nn.Module, onnx_path: Path, images: np.ndarray) -> Parity:
    """Compare PyTorch with ONNX Runtime, both FP32 on the CPU, on Nx3xHxW float32 normalised ``images``."""
    session = onnxruntime.InferenceSession(str(onnx_path), providers=["CPUExecutionProvider"])
    difference, equal = 0.0, []
    for image in images:
        with torch.no_grad():
            expected = network(torch.from_numpy(image[None])).numpy()
        (found,) = session.run(None, {"image": image[None]})
        difference = max(difference, float(np.abs(found - expected).max()))
        equal.append(float((found.argmax(1) == expected.argmax(1)).mean()))
    return Parity(difference, float(np.mean(equal)))


def check_parity(parity: Parity) -> None:
    """Raise ``ParityError`` when the exported file must not be trusted."""
    if not (parity.max_difference <= MAX_DIFFERENCE and parity.equal_labels >= MIN_EQUAL_LABELS):
        raise ParityError(
            f"the ONNX file differs from the network: logits by {parity.max_difference:.2e} "
            f"(at most {MAX_DIFFERENCE}), equal labels {parity.equal_labels:.5f} (least {MIN_EQUAL_LABELS})"
        )
