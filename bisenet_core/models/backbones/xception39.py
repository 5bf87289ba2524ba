"""Xception39, the light trunk of BiSeNet V1."""

from torch import Tensor, nn

from bisenet_core.models.layers import ConvNormAct, outputs_of


class XceptionBlock(nn.Module):
    """Three separable convolutions around a shortcut. ``BxC_inxHxW -> Bx4Cxceil(H/stride)xceil(W/stride)``.

    As in the authors' code a depth-wise convolution has no norm of its own, and the shortcut of the first
    block of a stage is separable too.
    """

    expansion = 4

    def __init__(self, in_channels: int, width: int, stride: int = 1) -> None:
        super().__init__()
        out_channels = width * self.expansion
        self.body = nn.Sequential(
            _separable(in_channels, width, stride),
            _separable(width, width),
            _separable(width, out_channels, act=False),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1:
            self.shortcut = _separable(in_channels, out_channels, stride, act=False)
        self.act = nn.ReLU(inplace=True)

    def forward(self, features: Tensor) -> Tensor:
        return self.act(self.body(features) + self.shortcut(features))


class Xception39(nn.Module):
    """Features at 1/4, 1/8, 1/16 and 1/32 of the image, the first after the stem; ``channels``: their widths.

    ``Bx3xHxW -> [Bx8xH/4xW/4, Bx64xH/8xW/8, Bx128xH/16xW/16, Bx256xH/32xW/32]``.
    """

    channels = (8, 64, 128, 256)

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = ConvNormAct(3, 8, stride=2)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = _stage(8, 16, 4)
        self.layer2 = _stage(64, 32, 8)
        self.layer3 = _stage(128, 64, 4)

    def forward(self, image: Tensor) -> list[Tensor]:
        features = self.maxpool(self.conv1(image))
        return [features, *outputs_of((self.layer1, self.layer2, self.layer3), features)]


def _separable(in_channels: int, out_channels: int, stride: int = 1, act: bool = True) -> nn.Sequential:
    depthwise = nn.Conv2d(in_channels, in_channels, 3, stride, padding=1, groups=in_channels, bias=False)
    return nn.Sequential(depthwise, ConvNormAct(in_channels, out_channels, kernel=1, act=act))


def _stage(in_channels: int, width: int, count: int) -> nn.Sequential:
    others = (XceptionBlock(width * XceptionBlock.expansion, width) for _ in range(count - 1))
    return nn.Sequential(XceptionBlock(in_channels, width, stride=2), *others)
