"""A way to label images for scoring, the network at the sizes that it asks for, and resizing."""

from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import cv2
import numpy as np

from bisenet_core.runtime.backend import InferenceBackend
from bisenet_core.runtime.model_card import ModelCard, resolve_model
from bisenet_core.runtime.opening import open_backend
from bisenet_core.runtime.postprocessing import HALF_PIXEL, grid_positions, refuse_non_finite

#: (width, height) in pixels
Size = tuple[int, int]

#: Multi-scale testing wants six sizes in turn; each that stays loaded takes some hundred megabytes.
KEPT = 8


class SizedNetwork:
    """Opens a backend for each input size that is asked for, and keeps the last ``KEPT``.

    ``card`` is the model's. ``open_at`` opens it at a (width, height).

    >>> with SizedNetwork.of_folder("camvid_bisenetv2", precision="fp32") as network:
    ...     logits = network.logits(image)
    """

    def __init__(self, card: ModelCard, open_at: Callable[[Size], InferenceBackend]) -> None:
        self.card = card
        self._open_at = open_at
        self._backends: OrderedDict[Size, InferenceBackend] = OrderedDict()

    @classmethod
    def of_folder(cls, model: str, backend: str = "auto", precision: str = "auto") -> "SizedNetwork":
        """A model folder, or a name under weights/, as ``Segmenter.open`` takes it. Raises InputError."""
        card = ModelCard.load(resolve_model(model))
        network = cls(card, lambda size: open_backend(card, backend, precision, size))
        network.at(network.own_size)  # so that a bad model is refused now
        return network

    @property
    def own_size(self) -> Size:
        """Input size that the model's card names."""
        return self.card.input_width, self.card.input_height

    def at(self, size: Size) -> InferenceBackend:
        """The network with inputs of ``size``. Raises InputError for a size that it cannot take."""
        if size not in self._backends:
            self._backends[size] = self._open_at(size)
            if len(self._backends) > KEPT:
                self._backends.popitem(last=False)[1].close()
        self._backends.move_to_end(size)
        return self._backends[size]

    def logits(self, image: np.ndarray) -> np.ndarray:
        """Cx(h/8)x(w/8) float32 of hxwx3 uint8 RGB ``image``, whose own size is the network's input size.

        Raises InputError for a size that the network cannot take, InferenceError for what is no number.
        """
        backend = self.at((image.shape[1], image.shape[0]))
        logits = backend.logits(np.ascontiguousarray(image), "rgb")
        refuse_non_finite(logits)
        return logits[0]

    def close(self) -> None:
        """Free every network. Harmless when repeated."""
        while self._backends:
            self._backends.popitem()[1].close()

    def __enter__(self) -> "SizedNetwork":
        return self

    def __exit__(self, *exception: Any) -> None:
        self.close()


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
