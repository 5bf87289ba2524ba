"""The module that STDC networks are made of."""

import torch
from torch import Tensor, nn

from bisenet_core.models.layers import ConvNormAct, depthwise


class ShortTermDenseConcatenateModule(nn.Module):
    """Four convolutions in a row, the outputs of all of them concatenated (STDC, Section 3.1.1, Figure 3).

    ``BxMxHxW -> BxNxceil(H/stride)xceil(W/stride)``. The convolutions give N/2, N/4, N/8 and N/8 channels, so
    the small receptive fields have most of them. Stride 2 is a depth-wise convolution before the second one;
    the output of the first is pooled to the same size. The counts of Table 2 include that convolution, the
    receptive fields of Table 1 leave it out.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__()
        half, quarter, eighth = out_channels // 2, out_channels // 4, out_channels // 8
        self.blocks = nn.ModuleList(
            [
                ConvNormAct(in_channels, half, kernel=1),
                ConvNormAct(half, quarter),
                ConvNormAct(quarter, eighth),
                ConvNormAct(eighth, eighth),
            ]
        )
        self.down: nn.Module = depthwise(half, stride) if stride > 1 else nn.Identity()
        self.pool: nn.Module = nn.AvgPool2d(3, stride, padding=1) if stride > 1 else nn.Identity()

    def forward(self, features: Tensor) -> Tensor:
        block1, *others = self.blocks
        first = block1(features)
        outputs, last = [self.pool(first)], self.down(first)
        for block in others:
            last = block(last)
            outputs.append(last)
        return torch.cat(outputs, dim=1)
