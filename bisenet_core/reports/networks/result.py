"""Accuracy and speed of a network on a data set."""

from dataclasses import dataclass, field
from typing import Any

from bisenet_core.labels.label_space import label_space_of

#: Networks by the paper they come from: how their names begin, and what to call them.
FAMILIES = {"bisenetv1": "BiSeNet V1", "bisenetv2": "BiSeNet V2", "stdc": "STDC"}


@dataclass(frozen=True)
class Result:
    """What a network scored on a data set, and how fast it was said to be; None where the source is silent.

    ``network`` and ``options`` are those of ``create_model``, ``label`` is how people call it. ``val`` and
    ``test`` are mean IoU in percent, ``size`` is (width, height) of the network's input, and ``fps`` were
    measured at that size on ``device``.
    """

    network: str
    label: str
    dataset: str
    size: tuple[int, int] | None
    val: float | None
    test: float | None
    fps: float | None
    device: str | None
    source: str
    #: a segmentation data set seen before this one; ImageNet is not one
    pretrained_on: str | None = None
    #: measured with this package, rather than published
    own: bool = False
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def num_classes(self) -> int:
        """Classes of the data set, and so channels of the network's output."""
        return label_space_of(self.dataset).num_classes


def family_of(network: str) -> str:
    """The key of ``FAMILIES`` that a network belongs to."""
    return next(family for family in FAMILIES if network.startswith(family))
