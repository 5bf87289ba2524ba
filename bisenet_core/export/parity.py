"""Does the file compute what the network computes?"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from torch import nn

from bisenet_core.errors import ParityError

#: Of logits up to USUAL_LOGIT, which those of trained networks seldom exceed. Beyond, it grows with them:
#: FP32 keeps seven digits whatever the size, and random weights in a deep network give thousands.
MAX_DIFFERENCE = 1e-3
USUAL_LOGIT = 30.0
MIN_EQUAL_LABELS = 0.999
MIN_EQUAL_TO_TRAINED = 0.99


@dataclass(frozen=True)
class Parity:
    """How the file compares with the network, both in FP32 on the CPU; labels are those at 1/8.

    ``max_difference``: largest absolute difference of the logits from those of the deployed network, NaN
    where either is not finite. ``equal_labels``: share of equal labels. ``equal_to_trained``: the same
    against the network as it was trained, before its weights were rounded to FP16. ``largest_logit``: the
    largest absolute value that the deployed network gave.
    """

    max_difference: float
    equal_labels: float
    equal_to_trained: float
    largest_logit: float


def measure_parity(trained: nn.Module, deployed: nn.Module, onnx_path: Path, images: np.ndarray) -> Parity:
    """Run all three on Nx3xHxW float32 normalised ``images``; the networks are in evaluation mode."""
    session = onnxruntime.InferenceSession(str(onnx_path), providers=["CPUExecutionProvider"])
    rows = []
    for image in images:
        with torch.no_grad():
            original, expected = (net(torch.from_numpy(image[None])).numpy() for net in (trained, deployed))
        (found,) = session.run(None, {"image": image[None]})
        labels = found.argmax(1)
        equal = [float((labels == logits.argmax(1)).mean()) for logits in (expected, original)]
        rows.append((np.abs(found - expected).max(), *equal, np.abs(expected).max()))
    differences, equal_labels, equal_to_trained, largest = np.array(rows, np.float64).T
    # np.max passes a NaN on, where Python's max would lose it
    return Parity(
        float(np.max(differences)),
        float(equal_labels.mean()),
        float(equal_to_trained.mean()),
        float(np.max(largest)),
    )


def check_parity(parity: Parity) -> None:
    """Raise ``ParityError`` when the exported file must not be trusted."""
    limit = MAX_DIFFERENCE * max(1.0, parity.largest_logit / USUAL_LOGIT)
    wanted = Parity(limit, MIN_EQUAL_LABELS, MIN_EQUAL_TO_TRAINED, parity.largest_logit)
    good = (
        parity.max_difference <= wanted.max_difference
        and parity.equal_labels >= wanted.equal_labels
        and parity.equal_to_trained >= wanted.equal_to_trained
    )
    if not good:
        raise ParityError(f"the ONNX file differs from the network: found {parity}, the limits are {wanted}")
