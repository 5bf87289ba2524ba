"""ResNet without its classifier (He et al., 2016, Table 1)."""

from torch import Tensor, nn

from bisenet_core.errors import InputError
from bisenet_core.models.layers import ConvNormAct, outputs_of


class BasicBlock(nn.Module):
    """Two 3x3 convolutions around a shortcut. ``BxC_inxHxW -> BxCxceil(H/stride)xceil(W/stride)``."""

    expansion = 1

    def __init__(self, in_channels: int, width: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = ConvNormAct(in_channels, width, stride=stride)
        self.conv2 = ConvNormAct(width, width, act=False)
        self.downsample = _shortcut(in_channels, width, stride)
        self.act = nn.ReLU(inplace=True)

    def forward(self, features: Tensor) -> Tensor:
        return self.act(self.conv2(self.conv1(features)) + self.downsample(features))


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 around a shortcut. ``BxC_inxHxW -> Bx4Cxceil(H/stride)xceil(W/stride)``."""

    expansion = 4

    def __init__(self, in_channels: int, width: int, stride: int = 1) -> None:
        super().__init__()
        out_channels = width * self.expansion
        self.conv1 = ConvNormAct(in_channels, width, kernel=1)
        self.conv2 = ConvNormAct(width, width, stride=stride)
        self.conv3 = ConvNormAct(width, out_channels, kernel=1, act=False)
        self.downsample = _shortcut(in_channels, out_channels, stride)
        self.act = nn.ReLU(inplace=True)

    def forward(self, features: Tensor) -> Tensor:
        return self.act(self.conv3(self.conv2(self.conv1(features))) + self.downsample(features))


class ResNet(nn.Module):
    """Features at 1/4, 1/8, 1/16 and 1/32 of the image; ``channels`` are their widths.

    ``Bx3xHxW -> [BxC1xH/4xW/4, .. BxC4xH/32xW/32]``. ``deep_stem`` has three 3x3 convolutions in place of the
    7x7, 64, 64 and 128 wide as TorchSeg's v1c; elsewhere v1c's are half as wide. Tensors are called as in
    torchvision, but that a convolution and its norm stand together: ``layer1.0.conv1.0`` is its
    ``layer1.0.conv1``, and ``layer1.0.conv1.1`` its ``layer1.0.bn1``.
    """

    LAYERS: dict[int, tuple[type[BasicBlock] | type[Bottleneck], tuple[int, int, int, int]]] = {
        18: (BasicBlock, (2, 2, 2, 2)),
        50: (Bottleneck, (3, 4, 6, 3)),
        101: (Bottleneck, (3, 4, 23, 3)),
    }

    def __init__(self, depth: int, deep_stem: bool = False) -> None:
        super().__init__()
        if depth not in self.LAYERS:
            raise InputError(f"ResNet depth is {depth}; expected one of {', '.join(map(str, self.LAYERS))}")
        block, counts = self.LAYERS[depth]
        stem_channels = 128 if deep_stem else 64
        self.channels = tuple(width * block.expansion for width in (64, 128, 256, 512))
        self.conv1 = _deep_stem(128) if deep_stem else ConvNormAct(3, 64, kernel=7, stride=2)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = _stage(block, stem_channels, 64, counts[0], stride=1)
        self.layer2 = _stage(block, self.channels[0], 128, counts[1])
        self.layer3 = _stage(block, self.channels[1], 256, counts[2])
        self.layer4 = _stage(block, self.channels[2], 512, counts[3])

    def forward(self, image: Tensor) -> list[Tensor]:
        features = self.maxpool(self.conv1(image))
        return outputs_of((self.layer1, self.layer2, self.layer3, self.layer4), features)


def _deep_stem(channels: int) -> nn.Sequential:
    return nn.Sequential(
        ConvNormAct(3, channels // 2, stride=2),
        ConvNormAct(channels // 2, channels // 2),
        ConvNormAct(channels // 2, channels),
    )


def _stage(
    block: type[BasicBlock] | type[Bottleneck], in_channels: int, width: int, count: int, stride: int = 2
) -> nn.Sequential:
    others = (block(width * block.expansion, width) for _ in range(count - 1))
    return nn.Sequential(block(in_channels, width, stride), *others)


def _shortcut(in_channels: int, out_channels: int, stride: int) -> nn.Module:
    if stride == 1 and in_channels == out_channels:
        return nn.Identity()
    return ConvNormAct(in_channels, out_channels, kernel=1, stride=stride, act=False)
