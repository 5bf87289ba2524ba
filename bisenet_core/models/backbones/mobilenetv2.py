"""MobileNetV2 without its classifier (Sandler et al., 2018)."""

from torch import Tensor, nn

from bisenet_core.models.layers import ConvNormAct, outputs_of


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
