"""Feature Fusion Module of BiSeNet V1."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from bisenet_core.models.layers import ConvNormAct


def two_convolutions(channels: int, reduction: int = 1) -> nn.Sequential:
    """1x1, ReLU, 1x1, without norms: the paper's Figure 2c and the authors' code. STDC's narrows between."""
    return nn.Sequential(
        nn.Conv2d(channels, channels // reduction, 1, bias=False),
        nn.ReLU(inplace=True),
        nn.Conv2d(channels // reduction, channels, 1, bias=False),
    )


def convolution_norm(channels: int) -> ConvNormAct:
    """1x1 and batch norm: CoinCheung's."""
    return ConvNormAct(channels, channels, kernel=1, act=False)


def convolution_norm_relu(channels: int) -> ConvNormAct:
    """1x1, batch norm and ReLU, after which no weight is below a half: mmsegmentation's."""
    return ConvNormAct(channels, channels, kernel=1)


ATTENTIONS: dict[str, Callable[[int], nn.Module]] = {
    "conv-relu-conv": two_convolutions,
    "conv-norm": convolution_norm,
    "conv-norm-relu": convolution_norm_relu,
}


class FeatureFusionModule(nn.Module):
    """Bring two levels of features together, then reweigh their channels (BiSeNet, Section 3.3, Figure 2c).

    Two maps, together ``BxC_inxHxW``, -> ``BxC_outxHxW``. ``attention`` maps ``BxC_outx1x1`` to itself.
    """

    def __init__(self, in_channels: int, out_channels: int, attention: nn.Module) -> None:
        super().__init__()
        self.conv = ConvNormAct(in_channels, out_channels, kernel=1)
        self.attention = attention

    def forward(self, spatial: Tensor, context: Tensor) -> Tensor:
        features = self.conv(torch.cat([spatial, context], dim=1))
        weights = self.attention(features.mean(dim=(2, 3), keepdim=True)).sigmoid()
        return features + features * weights
