"""Attention Refinement Module of BiSeNet V1."""

from torch import Tensor, nn

from bisenet_core.models.layers import ConvNormAct


class AttentionRefinementModule(nn.Module):
    """Weigh channels by what the whole image holds (BiSeNet, Section 3.3, Figure 2b).

    ``BxC_inxHxW -> BxC_outxHxW``. The authors' code, and every port, first brings the trunk's features to the
    width of the path with a 3x3 convolution that the figure leaves out.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = ConvNormAct(in_channels, out_channels)
        self.attention = ConvNormAct(out_channels, out_channels, kernel=1, act=False)

    def forward(self, features: Tensor) -> Tensor:
        features = self.conv(features)
        return features * self.attention(features.mean(dim=(2, 3), keepdim=True)).sigmoid()
