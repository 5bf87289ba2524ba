"""Build the parts of BiSeNet V2 that its options ask for, those of public implementations among them."""

from functools import partial
from typing import NamedTuple

from torch import nn

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
from bisenet_core.models.layers import ConvNormAct, depthwise, nearest_to, resize_to

AGGREGATIONS = {"bga": BilateralGuidedAggregation, "sum": SumAggregation, "concat": ConcatAggregation}


class Parts(NamedTuple):
    """What ``BiSeNetV2`` is put together from; a branch is None where the other one stands alone.

    ``width``: channels in front of the head. ``head_channels`` and ``booster_channels``: the Ct of Figure 7.
    """

    detail: nn.Module | None
    semantic: nn.Module | None
    aggregation: nn.Module
    tail: nn.Module
    width: int
    head_channels: int
    booster_channels: int


def parts_of(options: Options) -> Parts:
    """Freshly initialised parts of the network that ``options`` describe."""
    return {"paper": _paper, "community": _community}[options.variant](options)


def _paper(options: Options) -> Parts:
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
    return Parts(
        detail=DetailBranch((base, base, wide)) if options.branches != "semantic" else None,
        semantic=semantic if options.branches != "detail" else None,
        aggregation=merge[options.branches](wide),
        tail=nn.Sequential(*(layer(wide, wide, expansion=1) for _ in range(2))),
        width=wide,
        head_channels=64 if options.alpha <= 1 else 256,
        booster_channels=64,  # the paper is silent; this is the width of the main head
    )


def _community(options: Options) -> Parts:
    wide = options.detail_widths[-1]
    return Parts(
        detail=DetailBranch(options.detail_widths),
        semantic=SemanticBranch(
            options.semantic_widths,
            options.depth,
            stem=partial(StemBlock, fuse_kernel=3),
            layer=partial(CommunityGatherExpansionLayer, expansion=options.expansion),
            context=CommunityContextEmbeddingBlock,
        ),
        aggregation=BilateralGuidedAggregation(
            wide,
            separable=partial(community_separable, bias=options.aggregation_bias),
            resize={"bilinear": resize_to, "nearest": nearest_to}[options.aggregation_upsampling],
        ),
        tail=nn.Identity(),
        width=wide,
        head_channels=1024,
        booster_channels=128,
    )


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
