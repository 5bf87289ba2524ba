"""Protocol: a way to label images for scoring, and the resizing that such ways share."""

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import cv2
import numpy as np

from bisenet_core.evaluation.protocols.sized_network import Size, SizedNetwork
from bisenet_core.runtime.postprocessing import HALF_PIXEL, grid_positions


@dataclass(frozen=True)
class Protocol(ABC):
    """A subclass defines one way of labelling; its fields are its settings.

    ``size`` is the (width, height) that images are resized to; None leaves it to the protocol.
    """

    size: Size | None = None

    #: its name on the command line and in JSON
    kind: ClassVar[str]

    @abstractmethod
    def labels(self, network: SizedNetwork, image: np.ndarray) -> np.ndarray:
        """Class ids of HxWx3 uint8 RGB ``image``: HxW uint8, the image's own size.

        Raises InputError for a size that the network cannot take, InferenceError for logits that are no
        numbers.
        """

    def as_json(self) -> dict[str, Any]:
        """``kind`` and the settings by name."""
        return {"kind": self.kind, **asdict(self)}


def size_of(image: np.ndarray) -> Size:
    """(width, height) of HxW or HxWxC."""
    return image.shape[1], image.shape[0]


def resized(image: np.ndarray, size: Size) -> np.ndarray:
    """HxWx3 uint8 at ``size``, bilinear as ``runtime.preprocessing`` defines it; itself at its own size."""
    return image if size_of(image) == size else cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)


def upsampled(scores: np.ndarray, size: Size, upsampling: str) -> np.ndarray:
    """Cxhxw float32 -> CxHxW at ``size``, bilinear as ``upsampling`` says, one of UPSAMPLINGS."""
    if upsampling == HALF_PIXEL:
        return np.stack([cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR) for plane in scores])
    for axis, length in ((2, size[0]), (1, size[1])):
        scores = _interpolated(scores, axis, length, upsampling)
    return scores


def _interpolated(scores: np.ndarray, axis: int, length: int, upsampling: str) -> np.ndarray:
    count = scores.shape[axis]
    before, weight = grid_positions(count, length, upsampling)
    low, high = (scores.take(places.clip(0, count - 1), axis) for places in (before, before + 1))
    shape = [-1 if number == axis else 1 for number in range(3)]
    return low + weight.astype(np.float32).reshape(shape) * (high - low)


def softmax(scores: np.ndarray) -> np.ndarray:
    """Probabilities over the first axis; overwrites ``scores``."""
    scores -= scores.max(axis=0)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=0)
    return scores


def winner(scores: np.ndarray) -> np.ndarray:
    """Class of the largest score along the first axis, lowest id on a tie; uint8."""
    return scores.argmax(axis=0).astype(np.uint8)
