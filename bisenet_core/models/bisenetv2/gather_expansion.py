"""Gather-and-Expansion, the layer that the Semantic Branch of BiSeNet V2 is made of."""

from torch import Tensor, nn

from bisenet_core.models.layers import ConvNormAct, depthwise


class ShortcutLayer(nn.Module):
    """``body`` beside a shortcut, then ReLU (BiSeNet V2, Figure 5b and 5c).

    ``BxC_inxHxW -> BxC_outxceil(H/s)xceil(W/s)``: the shortcut is the identity at stride 1, separable at 2.
    """

    def __init__(self, body: nn.Module, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        if stride == 1 and in_channels != out_channels:
            raise ValueError(f"stride 1 keeps the channels: {in_channels} in, {out_channels} out")
        self.body = body
        self.shortcut: nn.Module = nn.Identity()
        if stride == 2:
            self.shortcut = nn.Sequential(
                depthwise(in_channels, stride),
                ConvNormAct(in_channels, out_channels, kernel=1, act=False),
            )
        self.act = nn.ReLU(inplace=True)

    def forward(self, features: Tensor) -> Tensor:
        return self.act(self.body(features) + self.shortcut(features))


class GatherExpansionLayer(ShortcutLayer):
    """Gather with a dense 3x3 that expands, filter depth-wise, project back (BiSeNet V2, Section 4.2).

    The first convolution maps C to expansion x C channels; stride 2 has two 3x3 depth-wise convolutions, or
    one 5x5 without ``double_depthwise``. ``gather_kernel`` 1 makes the first convolution point-wise
    (Table 3b).
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        stride: int = 1,
        expansion: int = 6,
        gather_kernel: int = 3,
        double_depthwise: bool = True,
    ) -> None:
        channels = expansion * in_channels
        filters = [depthwise(channels, stride)]
        if stride == 2 and double_depthwise:
            filters.append(depthwise(channels))
        elif stride == 2:
            filters = [ConvNormAct(channels, channels, 5, stride, groups=channels, act=False)]
        body = nn.Sequential(
            ConvNormAct(in_channels, channels, gather_kernel),
            *filters,
            ConvNormAct(channels, out_channels, kernel=1, act=False),
        )
        super().__init__(body, in_channels, out_channels, stride)
