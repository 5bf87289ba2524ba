"""From the network's logits to labels at the camera image's own size.

The definition, the same in every backend: bilinear upsampling of the logits to the network's input size and
argmax (half-pixel centres, lowest id wins a tie, float32), then nearest resize of the labels.
"""

from functools import lru_cache
from typing import Optional, Tuple

import numpy as np

from bisenet_core.errors import InferenceError
from bisenet_core.runtime.upsampling import LogitUpsampler


def labels_from_logits(logits: np.ndarray, network_size: Tuple[int, int], output_size: Tuple[int, int],
                       with_confidence: bool = False) -> Tuple[np.ndarray, Optional[np.ndarray]]:
    """Labels, and confidence when asked for, of the output size; both new HxW uint8 arrays.

    ``logits`` is 1xCxhxw float32; the sizes are (width, height). Confidence is 255 times the softmax
    probability of the winning class, resized as the labels are. Raises InferenceError for logits that are
    not finite: they would otherwise be drawn as a confident class 0.
    """
    refuse_non_finite(logits)
    upsampler = _upsampler(logits.shape[2:], network_size[::-1], output_size[::-1])
    if with_confidence:
        return upsampler.labels_and_confidence(logits[0])
    return upsampler.labels(logits[0]), None


def refuse_non_finite(logits: np.ndarray) -> None:
    """Raise InferenceError unless every one of ``logits`` is a finite number."""
    if not np.isfinite(logits).all():
        raise non_finite_logits()


def non_finite_logits() -> InferenceError:
    """The error for logits that are not finite, wherever they were found."""
    return InferenceError("the network gave logits that are not finite numbers; no labels can be trusted. "
                          "Try precision fp32, and check how model.onnx was made")


# A node sees one image size per camera; the tables of a few sizes are small and slow to build.
@lru_cache(maxsize=8)
def _upsampler(grid: Tuple[int, int], network: Tuple[int, int], output: Tuple[int, int]) -> LogitUpsampler:
    return LogitUpsampler(grid, network, output)
