"""Compare the labels of two backends, or of two precisions, pixel by pixel, and their logits."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from bisenet_core.errors import InputError
from bisenet_core.evaluation.protocols.protocol import upsampled
from bisenet_core.runtime.postprocessing import nearest_index
from bisenet_core.runtime.segmenter import Segmenter


@dataclass
class Agreement:
    """Counts over all images added so far.

    ``widest_tie`` is the largest margin, in the first segmenter's upsampled logits, between its winner and
    the other's at a pixel where these differ: small means that every disagreement is a near-tie.
    """

    images: int = 0
    pixels: int = 0
    differing: int = 0
    logit_difference: float = 0.0
    widest_tie: float = 0.0

    def add(
        self, first: Segmenter, second: Segmenter, image: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Label ``image``, HxWx3 uint8 RGB, with both; returns the labels, HxW uint8, of each.

        Raises InputError for models of different classes.
        """
        if first.label_space.classes != second.label_space.classes:
            raise InputError(f"{first.card.name} and {second.card.name} have different classes")
        found, other = (s.segment(image, color_order="rgb").labels for s in (first, second))
        scores, others = (s.backend.logits(image, "rgb")[0] for s in (first, second))
        self.images += 1
        self.pixels += found.size
        self.differing += int(np.count_nonzero(found != other))
        self.logit_difference = max(self.logit_difference, float(np.abs(scores - others).max()))
        size = first.backend.input_size
        tie = widest_tie(scores, size, found, other, first.card.upsampling)
        self.widest_tie = max(self.widest_tie, tie)
        return found, other

    def as_json(self) -> dict[str, Any]:
        """The counts, and the share of ``equal`` pixels."""
        equal = 1 - self.differing / self.pixels if self.pixels else None
        return {**self.__dict__, "equal": equal}


def widest_tie(
    scores: np.ndarray, size: tuple[int, int], found: np.ndarray, other: np.ndarray, upsampling: str
) -> float:
    """Largest margin by which ``scores`` prefer ``found`` to ``other``, HxW uint8, where they differ; or 0.

    ``scores`` are Cxhxw logits, upsampled to the network's ``size`` (width, height) as ``upsampling`` says.
    """
    full = upsampled(scores, size, upsampling)
    row, col = np.nonzero(found != other)
    y = nearest_index(size[1], found.shape[0])[row]
    x = nearest_index(size[0], found.shape[1])[col]
    margins = full[found[row, col], y, x] - full[other[row, col], y, x]
    return float(np.abs(margins).max(initial=0.0))
