"""The trunk of EfficientViT-B (Section 3.2): inverted bottlenecks, then attention at 1/16 and 1/32."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from bisenet_core.models.layers import ConvNormAct, outputs_of

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


EXPANSION = 4


class Variant(NamedTuple):
    """Channels of the stem and of stages 1 to 4, and how many blocks each has; the same of the decoder."""

    widths: tuple[int, ...]
    depths: tuple[int, ...]
    decoder_width: int
    decoder_depth: int


VARIANTS = {
    "b0": Variant((8, 16, 32, 64, 128), (1, 2, 2, 2, 2), 32, 1),
    "b1": Variant((16, 32, 64, 128, 256), (1, 2, 3, 3, 4), 64, 3),
}


def conv(in_channels: int, out_channels: int, kernel: int = 1, stride: int = 1, groups: int = 1,
         norm: bool = True, act: bool = True) -> nn.Sequential:
    """Convolution, batch normalisation or else a bias, and Hardswish unless ``act`` is false."""
    layers: list[nn.Module] = [nn.Conv2d(
        in_channels, out_channels, kernel, stride, padding=kernel // 2, groups=groups, bias=not norm)]
    layers += [nn.BatchNorm2d(out_channels)] * norm + [nn.Hardswish()] * act
    return nn.Sequential(*layers)


class InvertedBottleneck(nn.Module):
    """1x1 to four times the channels, 3x3 depth-wise, 1x1 back (MobileNetV2's block, with Hardswish).

    ``BxC_inxHxW -> BxC_outxceil(H/stride)xceil(W/stride)``; the input is added where the shapes agree.
    ``norm=False`` leaves out all batch norms but the last, as the stages with attention do.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1, norm: bool = True) -> None:
        super().__init__()
        wide = EXPANSION * in_channels
        self.adds = stride == 1 and in_channels == out_channels
        self.expand = conv(in_channels, wide, norm=norm)
        self.depth = conv(wide, wide, 3, stride, groups=wide, norm=norm)
        self.shrink = conv(wide, out_channels, act=False)

    def forward(self, features: Tensor) -> Tensor:
        made = self.shrink(self.depth(self.expand(features)))
        return features + made if self.adds else made


class Stem(nn.Module):
    """3x3 with stride 2, then separable convolutions that are added to their input. Gives BxCxH/2xW/2."""

    def __init__(self, channels: int, blocks: int) -> None:
        super().__init__()
        self.down = conv(3, channels, 3, stride=2)
        self.blocks = nn.ModuleList(
            nn.Sequential(conv(channels, channels, 3, groups=channels), conv(channels, channels, act=False))
            for _ in range(blocks)
        )

    def forward(self, image: Tensor) -> Tensor:
        features = self.down(image)
        for block in self.blocks:
            features = features + block(features)
        return features


class EfficientViTBlock(nn.Module):
    """Linear attention for context, then an inverted bottleneck for detail, both added. ``BxCxHxW`` stays."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.attention = LinearAttention(channels)
        self.local = InvertedBottleneck(channels, channels, norm=False)

    def forward(self, features: Tensor) -> Tensor:
        return self.local(features + self.attention(features))


class EfficientViTBackbone(nn.Module):
    """``Bx3xHxW`` to the outputs of stages 2, 3 and 4, at 1/8, 1/16 and 1/32 of its size.

    ``variant`` is a key of ``VARIANTS``; stage 1, at 1/4, serves the others only.
    """

    def __init__(self, variant: str) -> None:
        super().__init__()
        widths, depths, *_ = VARIANTS[variant]
        self.stem = Stem(widths[0], depths[0])
        self.stages = nn.ModuleList()
        for stage in range(1, 5):
            before, width, attends = widths[stage - 1], widths[stage], stage >= 3
            blocks: list[nn.Module] = [InvertedBottleneck(before, width, stride=2, norm=not attends)]
            if attends:
                blocks += [EfficientViTBlock(width) for _ in range(depths[stage])]
            else:
                blocks += [InvertedBottleneck(width, width) for _ in range(depths[stage] - 1)]
            self.stages.append(nn.Sequential(*blocks))

    def forward(self, image: Tensor) -> list[Tensor]:
        return outputs_of(self.stages, self.stem(image))[1:]
