"""Single scale, exactly as a robot labels its camera's images."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from bisenet_core.evaluation.protocols.protocol import Protocol
from bisenet_core.evaluation.protocols.sized_network import SizedNetwork
from bisenet_core.runtime.segmenter import Segmenter


@dataclass(frozen=True)
class Single(Protocol):
    """The Segmenter's own labels: argmax at the network's input size (``size``, by default the model's own),
    labels brought to the image's size by nearest neighbour."""

    kind: ClassVar[str] = "single"

    def labels(self, network: SizedNetwork, image: np.ndarray) -> np.ndarray:
        backend = network.at(self.size or network.own_size)
        return Segmenter(network.card, backend).segment(image, color_order="rgb").labels
