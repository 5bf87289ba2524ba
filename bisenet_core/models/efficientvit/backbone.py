"""The trunk of EfficientViT-B (Section 3.2): inverted bottlenecks, then attention at 1/16 and 1/32."""

from typing import NamedTuple

from torch import Tensor, nn

from bisenet_core.models.efficientvit.linear_attention import LinearAttention

EXPANSION = 4


class Variant(NamedTuple):
    """Channels of the stem and of stages 1 to 4, and how many blocks each has."""

    widths: tuple[int, ...]
    depths: tuple[int, ...]


VARIANTS = {
    "b0": Variant((8, 16, 32, 64, 128), (1, 2, 2, 2, 2)),
    "b1": Variant((16, 32, 64, 128, 256), (1, 2, 3, 3, 4)),
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
        widths, depths = VARIANTS[variant]
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
        features, outputs = self.stem(image), []
        for stage in self.stages:
            features = stage(features)
            outputs.append(features)
        return outputs[1:]
