"""Labelling at a single scale: exactly as a robot does, or with resized logits as in the papers."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from bisenet_core.evaluation.protocols.logits import resized, size_of
from bisenet_core.evaluation.protocols.protocol import Protocol
from bisenet_core.evaluation.protocols.sized_network import SizedNetwork
from bisenet_core.runtime.postprocessing import labels_from_logits
from bisenet_core.runtime.segmenter import Segmenter


@dataclass(frozen=True)
class Single(Protocol):
    """The Segmenter's own labels: argmax at the network's input size (``size``, by default the model's own),
    labels brought to the image's size by nearest neighbour."""

    kind: ClassVar[str] = "single"

    def labels(self, network: SizedNetwork, image: np.ndarray) -> np.ndarray:
        backend = network.at(self.size or network.own_size)
        return Segmenter(network.card, backend).segment(image, color_order="rgb").labels


@dataclass(frozen=True)
class Resize(Protocol):
    """The papers' protocol (BiSeNet V2, Section 5, "Inference"): the image is resized to ``size`` (by default
    the model's own), 1024x512 for 2048x1024 in the papers; its logits are upsampled to the image's size,
    bilinearly and in one step, where the argmax is taken.

    The paper speaks of "the prediction" that is resized; public code of all three papers resizes logits.
    """

    kind: ClassVar[str] = "resize"

    def labels(self, network: SizedNetwork, image: np.ndarray) -> np.ndarray:
        logits = network.logits(resized(image, self.size or network.own_size))
        size, rule = size_of(image), network.card.upsampling
        return labels_from_logits(logits[None], size, size, upsampling=rule)[0]
