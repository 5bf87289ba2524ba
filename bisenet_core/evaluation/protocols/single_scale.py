"""Labelling at a single scale: exactly as a robot does, or resized or padded as in the papers."""

from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np

from bisenet_core.errors import InputError
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


@dataclass(frozen=True)
class Pad(Protocol):
    """COCO-Stuff's protocol (BiSeNet V2, Section 5.3): the image, unscaled, is padded to ``size`` (by default
    the model's own; 640x640 in the paper) on the right and below with the card's mean colour, as in training.
    The logits are upsampled to the padded image's size, and the part that is the image is labelled.
    """

    kind: ClassVar[str] = "pad"

    def labels(self, network: SizedNetwork, image: np.ndarray) -> np.ndarray:
        size, (width, height) = self.size or network.own_size, size_of(image)
        right, below = size[0] - width, size[1] - height
        if min(right, below) < 0:
            raise InputError(
                f"an image of {width}x{height} does not fit into {size[0]}x{size[1]}; choose a larger --size"
            )
        colour = [round(255 * value) for value in network.card.mean]
        padded = cv2.copyMakeBorder(image, 0, below, 0, right, cv2.BORDER_CONSTANT, value=colour)
        logits, rule = network.logits(padded), network.card.upsampling
        labels = labels_from_logits(logits[None], size, size, upsampling=rule)[0]
        return np.ascontiguousarray(labels[:height, :width])
