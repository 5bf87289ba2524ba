"""Do two backends, or two precisions, give the same labels? Compared pixel by pixel, with their logits."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from bisenet_core.errors import InputError
from bisenet_core.runtime.segmenter import Segmenter


@dataclass
class Agreement:
    """Counts over all images added so far.

    ``widest_tie`` is the largest margin, in the first segmenter's logits at 1/8, between the two winners
    where these differ: small means that every disagreement is a near-tie.
    """

    images: int = 0
    pixels: int = 0
    differing: int = 0
    logit_difference: float = 0.0
    widest_tie: float = 0.0

    def add(self, first: Segmenter, second: Segmenter, image: np.ndarray) -> None:
        """Label ``image``, HxWx3 uint8 RGB, with both. Raises InputError for models of different classes."""
        if first.label_space.classes != second.label_space.classes:
            raise InputError(f"{first.card.name} and {second.card.name} have different classes")
        found, other = (s.segment(image, color_order="rgb").labels for s in (first, second))
        scores, others = (s.backend.logits(image, "rgb")[0] for s in (first, second))
        self.images += 1
        self.pixels += found.size
        self.differing += int(np.count_nonzero(found != other))
        self.logit_difference = max(self.logit_difference, float(np.abs(scores - others).max()))
        self.widest_tie = max(self.widest_tie, _widest_tie(scores, others))

    def as_json(self) -> dict[str, Any]:
        """The counts, and the share of ``equal`` pixels."""
        equal = 1 - self.differing / self.pixels if self.pixels else None
        return {**self.__dict__, "equal": equal}


def _widest_tie(scores: np.ndarray, others: np.ndarray) -> float:
    """Largest loss of score, in CxHxW ``scores``, from taking the winner of ``others`` instead of its own."""
    chosen = np.take_along_axis(scores, others.argmax(0)[None], 0)[0]
    return float((scores.max(0) - chosen).max())
