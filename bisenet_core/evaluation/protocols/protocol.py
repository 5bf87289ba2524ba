"""Protocol: a way to label images for scoring."""

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np

from bisenet_core.evaluation.protocols.sized_network import Size, SizedNetwork


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
