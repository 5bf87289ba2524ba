"""BiSeNet V2, the network."""

from typing import Any

from torch import Tensor

from bisenet_core.models.bisenetv2.options import Options
from bisenet_core.models.bisenetv2.parts import parts_of
from bisenet_core.models.layers import SegmentationHead, initialise_he
from bisenet_core.models.network import SegmentationNetwork


class BiSeNetV2(SegmentationNetwork):
    """BiSeNet V2 (arXiv:2004.02147) in the structure that reproduces the paper's operation counts.

    Where the paper leaves that open, docs/readings.md has the evidence for the reading taken.

    Its auxiliary heads are the boosters of Section 4.4, at the resolution of their stages; the Detail Branch
    alone has none. ``options`` are the fields of ``Options``, which also refuses what does not exist.
    ``auxiliary=False`` builds the network as deployed.
    """

    options_class = Options

    def __init__(self, num_classes: int, auxiliary: bool = True, **options: Any) -> None:
        super().__init__()
        chosen = Options(**options)
        parts = parts_of(chosen)
        self.detail, self.semantic = parts.detail, parts.semantic
        self.aggregation, self.tail = parts.aggregation, parts.tail
        self.head = SegmentationHead(parts.width, parts.head_channels, num_classes)
        if auxiliary and self.semantic is not None:
            for name in chosen.boosted:
                channels = self.semantic.widths[name]
                self.auxiliary[name] = SegmentationHead(channels, parts.booster_channels, num_classes)
        initialise_he(self)

    def features(self, image: Tensor) -> dict[str, Tensor]:
        found: dict[str, Tensor] = {}
        for branch in (self.detail, self.semantic):
            if branch is not None:
                found.update(branch(image))
        found["main"] = self.tail(self.aggregation(found))
        return found
