"""Spatial Path of BiSeNet V1: few layers, wide, so that spatial detail survives."""

from torch import nn

from bisenet_core.models.layers import ConvNormAct


class SpatialPath(nn.Sequential):
    """Three convolutions of stride 2, then a 1x1 (BiSeNet, Section 3.1, Figure 2a).

    ``Bx3xHxW -> BxCxH/8xW/8``; the layers before the last have C/2 channels.
    """

    def __init__(self, channels: int) -> None:
        inner = channels // 2
        super().__init__(
            ConvNormAct(3, inner, kernel=7, stride=2),
            ConvNormAct(inner, inner, stride=2),
            ConvNormAct(inner, inner, stride=2),
            ConvNormAct(inner, channels, kernel=1),
        )
