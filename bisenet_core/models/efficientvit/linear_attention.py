"""Multi-scale linear attention (EfficientViT, Section 3.1, Figure 2)."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from bisenet_core.models.layers import ConvNormAct

HEAD_DIM = 16
_SCALE = 5  # the kernel that gathers neighbouring tokens
# Keeps 0/0 out where a query meets no key at all; FP16 can still tell it from 0.
_SMALLEST = 2.0**-23


class LinearAttention(nn.Module):
    """Global attention at a cost linear in the number of pixels: softmax is replaced by ReLU (Equation 2).

    Queries, keys and values exist twice: of single pixels, and of 5x5 neighbourhoods that a depth-wise and a
    grouped convolution gather. ``BxCxHxW -> BxCxHxW``, C a multiple of ``HEAD_DIM``. Batch normalisation
    follows the projection; there is no activation.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        wide = 3 * channels
        self.qkv = nn.Conv2d(channels, wide, 1, bias=False)
        self.gather = nn.Sequential(
            nn.Conv2d(wide, wide, _SCALE, padding=_SCALE // 2, groups=wide, bias=False),
            nn.Conv2d(wide, wide, 1, groups=wide // HEAD_DIM, bias=False),
        )
        self.project = ConvNormAct(2 * channels, channels, kernel=1, act=False)

    def forward(self, features: Tensor) -> Tensor:
        qkv = self.qkv(features)
        qkv = torch.cat([qkv, self.gather(qkv)], dim=1)
        batch, channels, height, width = qkv.shape
        heads = qkv.reshape(batch, channels // (3 * HEAD_DIM), 3 * HEAD_DIM, height * width)
        attended = relu_attention(*heads.split(HEAD_DIM, dim=2))
        return self.project(attended.reshape(batch, channels // 3, height, width))


def relu_attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Mean of the values, weighted by ReLU(query) . ReLU(key); all are BxHxDxN for N pixels.

    ``value . key^T`` comes first, so that no NxN matrix exists. A last row of ones in the values sums the
    weights. Both are means over the pixels, not sums, which would leave the range of FP16.
    """
    query, key = functional.relu(query), functional.relu(key) / key.shape[-1]
    value = torch.cat([value, torch.ones_like(value[:, :, :1])], dim=2)
    weighted = value @ key.transpose(-1, -2) @ query
    return weighted[:, :, :-1] / weighted[:, :, -1:].clamp(min=_SMALLEST)
