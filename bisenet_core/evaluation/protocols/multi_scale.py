"""Multi-scale testing with flips, as mmsegmentation defines it: probabilities are averaged."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from bisenet_core.errors import InputError
from bisenet_core.evaluation.protocols.logits import resized, size_of, softmax, upsampled, winner
from bisenet_core.evaluation.protocols.protocol import Protocol
from bisenet_core.evaluation.protocols.sized_network import Size, SizedNetwork

#: mmsegmentation's.
SCALES = (0.5, 0.75, 1.0, 1.25, 1.5, 1.75)


@dataclass(frozen=True)
class MultiScale(Protocol):
    """One view of the image for each of ``scales``, and the mirror image of each with ``flip``.

    A scale is a factor of ``size``, by default the model's own. The logits of a view are upsampled to the
    image's size, turned into probabilities (softmax) and, where the view was mirrored, mirrored back; the
    mean over all views decides.
    """

    scales: tuple[float, ...] = SCALES
    flip: bool = True

    kind: ClassVar[str] = "multiscale"

    def __post_init__(self) -> None:
        if not self.scales or not all(0 < scale < math.inf for scale in self.scales):
            raise InputError(f"scales {list(self.scales)}: expected one or several numbers above 0")

    def labels(self, network: SizedNetwork, image: np.ndarray) -> np.ndarray:
        total: np.ndarray | float = 0.0
        width, height = self.size or network.own_size
        for scale in self.scales:
            view = resized(image, (round(scale * width), round(scale * height)))
            total = total + self._probabilities(network, view, size_of(image))
        return winner(np.asarray(total))

    def _probabilities(self, network: SizedNetwork, view: np.ndarray, size: Size) -> np.ndarray:
        """Of ``view``, at ``size``; with that of its mirror image added."""
        rule = network.card.upsampling
        found = softmax(upsampled(network.logits(view), size, rule))
        if self.flip:
            found += softmax(upsampled(network.logits(view[:, ::-1]), size, rule))[..., ::-1]
        return found
