"""BiSeNet V2, the network: put together from the parts that its options ask for."""

from functools import partial
from typing import Any

from torch import Tensor, nn

from bisenet_core.models.bisenetv2.aggregation import (
    BilateralGuidedAggregation,
    ConcatAggregation,
    DetailOnly,
    SemanticOnly,
    SumAggregation,
)
from bisenet_core.models.bisenetv2.branches import (
    FOREIGN_WIDTH,
    ContextEmbeddingBlock,
    DetailBranch,
    ForeignSemanticBranch,
    GatherExpansionLayer,
    SemanticBranch,
    ShortcutLayer,
    StemBlock,
)
from bisenet_core.models.bisenetv2.options import Options
from bisenet_core.models.layers import (
    ConvNormAct,
    SegmentationHead,
    SegmentationNetwork,
    depthwise,
    initialise_he,
    nearest_to,
    resize_to,
)

AGGREGATIONS = {"bga": BilateralGuidedAggregation, "sum": SumAggregation, "concat": ConcatAggregation}

#: Detail Branch, Semantic Branch (None where the other one stands alone), aggregation, and what follows it.
Parts = tuple[nn.Module | None, nn.Module | None, nn.Module, nn.Module]


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
        paper = chosen.variant == "paper"
        parts, width = _paper(chosen) if paper else _community(chosen)
        self.detail, self.semantic, self.aggregation, self.tail = parts
        # the paper is silent on the boosters' width; theirs is that of the main head
        head, booster = (64 if chosen.alpha <= 1 else 256, 64) if paper else (1024, 128)
        self.head = SegmentationHead(width, head, num_classes)
        if auxiliary and self.semantic is not None:
            for name in chosen.boosted:
                self.auxiliary[name] = SegmentationHead(self.semantic.widths[name], booster, num_classes)
        initialise_he(self)

    def features(self, image: Tensor) -> dict[str, Tensor]:
        found: dict[str, Tensor] = {}
        for branch in (self.detail, self.semantic):
            if branch is not None:
                found.update(branch(image))
        found["main"] = self.tail(self.aggregation(found))
        return found


def _paper(options: Options) -> tuple[Parts, int]:
    """The paper's parts, and the channels in front of the head."""
    layer = partial(
        GatherExpansionLayer,
        gather_kernel=options.gather_kernel,
        double_depthwise=options.double_depthwise,
    )
    base, _, wide = options.detail_widths
    semantic: nn.Module
    if options.semantic_branch == "bisenetv2":
        semantic = SemanticBranch(
            options.semantic_widths,
            options.depth,
            layer=partial(layer, expansion=options.expansion),
            context=ContextEmbeddingBlock if options.context else nn.Identity,
        )
    else:
        wide = FOREIGN_WIDTH
        semantic = ForeignSemanticBranch(options.semantic_branch, wide)
    merge = {"both": AGGREGATIONS[options.aggregation], "detail": DetailOnly, "semantic": SemanticOnly}
    return (
        DetailBranch((base, base, wide)) if options.branches != "semantic" else None,
        semantic if options.branches != "detail" else None,
        merge[options.branches](wide),
        nn.Sequential(*(layer(wide, wide, expansion=1) for _ in range(2))),
    ), wide


def _community(options: Options) -> tuple[Parts, int]:
    """The parts as public implementations have them, and the channels in front of the head."""
    wide = options.detail_widths[-1]
    semantic = SemanticBranch(
        options.semantic_widths,
        options.depth,
        stem=partial(StemBlock, fuse_kernel=3),
        layer=partial(CommunityGatherExpansionLayer, expansion=options.expansion),
        context=CommunityContextEmbeddingBlock,
    )
    aggregation = BilateralGuidedAggregation(
        wide,
        separable=partial(community_separable, bias=options.aggregation_bias),
        resize={"bilinear": resize_to, "nearest": nearest_to}[options.aggregation_upsampling],
    )
    return (DetailBranch(options.detail_widths), semantic, aggregation, nn.Identity()), wide


class CommunityGatherExpansionLayer(ShortcutLayer):
    """The 3x3 keeps the channels, the depth-wise convolution expands them, ReLU follows the last of these."""

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1, expansion: int = 6) -> None:
        channels = expansion * in_channels
        expand = ConvNormAct(in_channels, channels, stride=stride, groups=in_channels, act=stride == 1)
        second = [ConvNormAct(channels, channels, groups=channels)] if stride == 2 else []
        body = nn.Sequential(
            ConvNormAct(in_channels, in_channels),
            expand,
            *second,
            ConvNormAct(channels, out_channels, kernel=1, act=False),
        )
        super().__init__(body, in_channels, out_channels, stride)


class CommunityContextEmbeddingBlock(ContextEmbeddingBlock):
    """Batch normalisation and ReLU follow the last 3x3. ``BxCxHxW -> BxCxHxW``."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.conv = ConvNormAct(channels, channels)


def community_separable(channels: int, bias: bool = False) -> nn.Sequential:
    """3x3 depth-wise with batch normalisation, then 1x1 without. ``BxCxHxW -> BxCxHxW``."""
    return nn.Sequential(depthwise(channels), nn.Conv2d(channels, channels, 1, bias=bias))
