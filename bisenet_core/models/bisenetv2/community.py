"""Where public implementations of BiSeNet V2 differ from the paper; their published weights need it."""

from torch import nn

from bisenet_core.models.bisenetv2.gather_expansion import ShortcutLayer
from bisenet_core.models.bisenetv2.semantic_branch import ContextEmbeddingBlock
from bisenet_core.models.layers import ConvNormAct, depthwise


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
