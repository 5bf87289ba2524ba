"""SizedNetwork: one model at any number of input sizes."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np

from bisenet_core.runtime.backend import InferenceBackend
from bisenet_core.runtime.model_card import ModelCard, resolve_model
from bisenet_core.runtime.opening import open_backend
from bisenet_core.runtime.postprocessing import refuse_non_finite

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
