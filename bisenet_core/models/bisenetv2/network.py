"""BiSeNet V2, the network."""

from torch import Tensor, nn

from bisenet_core.errors import InputError
from bisenet_core.models.bisenetv2.aggregation import BilateralGuidedAggregation
from bisenet_core.models.bisenetv2.detail_branch import DetailBranch
from bisenet_core.models.bisenetv2.semantic_branch import GatherExpansionLayer, SemanticBranch
from bisenet_core.models.layers import SegmentationHead, initialise_he
from bisenet_core.models.network import SegmentationNetwork

VARIANTS = ("paper",)


class BiSeNetV2(SegmentationNetwork):
    """BiSeNet V2 (arXiv:2004.02147) in the structure that reproduces the paper's operation counts.

    Its auxiliary heads are the boosters of Section 4.4, at the resolution of their stages.

    Options: ``alpha`` widens everything, ``depth`` multiplies the layers of stages 3 to 5, ``lambda_`` is the
    width of stem and stage 3 relative to the Detail Branch, ``expansion`` is that of the
    Gather-and-Expansion layers.
    ``auxiliary=False`` builds the network as deployed.
    """

    def __init__(
        self,
        num_classes: int,
        variant: str = "paper",
        alpha: float = 1.0,
        depth: int = 1,
        lambda_: float = 0.25,
        expansion: int = 6,
        auxiliary: bool = True,
    ) -> None:
        super().__init__()
        if variant not in VARIANTS:
            raise InputError(f"variant is {variant!r}; expected one of {', '.join(VARIANTS)}")
        base, wide = int(64 * alpha), int(128 * alpha)
        widths = (int(base * lambda_), int(wide * lambda_), base, wide)
        mid_channels = 64 if alpha == 1 else 256
        self.detail = DetailBranch((base, base, wide))
        self.semantic = SemanticBranch(widths, depth, expansion)
        self.aggregation = BilateralGuidedAggregation(wide)
        self.tail = nn.Sequential(*(GatherExpansionLayer(wide, wide, expansion=1) for _ in range(2)))
        self.head = SegmentationHead(wide, mid_channels, num_classes)
        if auxiliary:  # the paper is silent on the boosters' width; 64 is that of the main head
            for name, width in zip(SemanticBranch.BOOSTED_STAGES, widths):
                self.auxiliary[name] = SegmentationHead(width, 64, num_classes)
        initialise_he(self)

    def features(self, image: Tensor) -> dict[str, Tensor]:
        stages = self.semantic.stage_features(image)
        stages["main"] = self.tail(self.aggregation(self.detail(image), stages["stage5_5"]))
        return stages
