"""MobileNetV2 and ShuffleNetV2 without their classifiers."""

import torch
from torch import Tensor, nn

from bisenet_core.models.layers import ConvNormAct, depthwise, outputs_of


class ConvNormReLU6(ConvNormAct):
    """``ConvNormAct`` whose activation stops at 6, as MobileNetV2's does (its Section 3.3)."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int = 3, stride: int = 1, groups: int = 1
    ) -> None:
        super().__init__(in_channels, out_channels, kernel, stride, groups, act=False)
        self.append(nn.ReLU6(inplace=True))


class InvertedResidual(nn.Module):
    """Expand, filter depth-wise, project without activation (MobileNetV2, Figure 4d).

    ``BxC_inxHxW -> BxC_outxceil(H/stride)xceil(W/stride)``; with a shortcut where the shapes agree.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int, expansion: int) -> None:
        super().__init__()
        channels = expansion * in_channels
        layers: list[nn.Module] = [ConvNormReLU6(in_channels, channels, kernel=1)] if expansion > 1 else []
        layers.append(ConvNormReLU6(channels, channels, stride=stride, groups=channels))
        layers.append(ConvNormAct(channels, out_channels, kernel=1, act=False))
        self.body = nn.Sequential(*layers)
        self.shortcut = stride == 1 and in_channels == out_channels

    def forward(self, features: Tensor) -> Tensor:
        return features + self.body(features) if self.shortcut else self.body(features)


class MobileNetV2(nn.Module):
    """Features at 1/4, 1/8, 1/16 and 1/32 of the image; ``channels`` holds their widths.

    ``Bx3xHxW -> [BxC1xH/4xW/4, .. BxC4xH/32xW/32]``, the last behind the 1x1 in front of the classifier.
    """

    #: Table 2 of its paper by resolution: (expansion, channels, layers); all but the first begin at stride 2
    STAGES = (
        ((1, 16, 1),),
        ((6, 24, 2),),
        ((6, 32, 3),),
        ((6, 64, 4), (6, 96, 3)),
        ((6, 160, 3), (6, 320, 1)),
    )
    LAST = 1280

    def __init__(self) -> None:
        super().__init__()
        channels, stages = 32, []
        for index, rows in enumerate(self.STAGES):
            blocks: list[nn.Module] = []
            for expansion, width, layers in rows:
                for _ in range(layers):
                    stride = 2 if index > 0 and not blocks else 1
                    blocks.append(InvertedResidual(channels, width, stride, expansion))
                    channels = width
            stages.append(nn.Sequential(*blocks))
        self.stem = nn.Sequential(ConvNormReLU6(3, 32, stride=2), stages[0])
        self.stage2, self.stage3, self.stage4 = stages[1:4]
        self.stage5 = nn.Sequential(*stages[4], ConvNormReLU6(channels, self.LAST, kernel=1))
        self.channels = (*(rows[-1][1] for rows in self.STAGES[1:4]), self.LAST)

    def forward(self, image: Tensor) -> list[Tensor]:
        return outputs_of((self.stage2, self.stage3, self.stage4, self.stage5), self.stem(image))


class ShuffleUnit(nn.Module):
    """Half of the channels pass, the other half is filtered (ShuffleNetV2, Figure 3c).

    ``BxCxHxW -> BxCxHxW``. Every second channel passes: that is the shuffle behind the
    previous unit and the split in one.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.body = nn.Sequential(
            ConvNormAct(half, half, kernel=1), depthwise(half), ConvNormAct(half, half, kernel=1)
        )

    def forward(self, features: Tensor) -> Tensor:
        return torch.cat([features[:, ::2], self.body(features[:, 1::2])], dim=1)


class DownsamplingUnit(nn.Module):
    """Both ways see all channels and halve the resolution (ShuffleNetV2, Figure 3d).

    ``BxC_inxHxW -> BxC_outxceil(H/2)xceil(W/2)``. The way on the left keeps its C_in channels, the other one
    makes the rest: so the 299 MFLOPs of the paper's Table 8 come out.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        half = out_channels // 2
        self.shortcut = nn.Sequential(
            depthwise(in_channels, stride=2), ConvNormAct(in_channels, in_channels, kernel=1)
        )
        self.body = nn.Sequential(
            ConvNormAct(in_channels, half, kernel=1),
            depthwise(half, stride=2),
            ConvNormAct(half, out_channels - in_channels, kernel=1),
        )

    def forward(self, features: Tensor) -> Tensor:
        return torch.cat([self.shortcut(features), self.body(features)], dim=1)


class ShuffleNetV2(nn.Module):
    """Features at 1/4, 1/8, 1/16 and 1/32 of the image; ``channels`` holds their widths.

    ``Bx3xHxW -> [BxC1xH/4xW/4, .. BxC4xH/32xW/32]``, the last behind the 1x1 in front of the classifier.
    """

    #: Table 5 of its paper at 1.5x: channels and units of stages 2 to 4
    STAGES = ((176, 4), (352, 8), (704, 4))
    STEM, LAST = 24, 1024

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(ConvNormAct(3, self.STEM, stride=2), nn.MaxPool2d(3, stride=2, padding=1))
        channels, stages = self.STEM, []
        for width, units in self.STAGES:
            others = [ShuffleUnit(width) for _ in range(units - 1)]
            stages.append(nn.Sequential(DownsamplingUnit(channels, width), *others))
            channels = width
        self.stage2, self.stage3, self.stage4 = stages
        self.conv5 = ConvNormAct(channels, self.LAST, kernel=1)
        self.channels = (self.STEM, *(width for width, _ in self.STAGES[:2]), self.LAST)

    def forward(self, image: Tensor) -> list[Tensor]:
        at_quarter = self.stem(image)
        at_eighth = self.stage2(at_quarter)
        at_sixteenth = self.stage3(at_eighth)
        return [at_quarter, at_eighth, at_sixteenth, self.conv5(self.stage4(at_sixteenth))]
