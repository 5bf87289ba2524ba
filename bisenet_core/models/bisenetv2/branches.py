"""The branches of BiSeNet V2: for detail, for context, and other networks instead of the latter."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from bisenet_core.models.backbones.mobile import MobileNetV2, ShuffleNetV2
from bisenet_core.models.backbones.resnet import ResNet
from bisenet_core.models.layers import ConvNormAct, depthwise, outputs_of

#: Behind the stem, stages 3, 4, 5 and Context Embedding: where boosters may sit (Table 4).
STAGES = ("stage2", "stage3", "stage4", "stage5_4", "stage5_5")

TRUNKS: dict[str, Callable[[], nn.Module]] = {
    "shufflenetv2_x1_5": ShuffleNetV2,
    "mobilenetv2": MobileNetV2,
    "resnet18": partial(ResNet, 18),
}

#: Channels of the last stage of the Detail Branch and of all behind it. The paper does not state them:
#: with 512, everything else as at alpha = 1, all operation counts of Table 6 come out.
FOREIGN_WIDTH = 512


class DetailBranch(nn.Sequential):
    """Three stages, each beginning with stride 2 (BiSeNet V2, Section 4.1 and Table 1).

    ``Bx3xHxW -> {"detail": BxC3xH/8xW/8}``. ``widths`` are the channels of the stages, (64, 64, 128) at
    alpha = 1.
    """

    def __init__(self, widths: tuple[int, int, int]) -> None:
        stages, channels = [], 3
        for width, depth in zip(widths, (2, 3, 3)):
            layers = [ConvNormAct(channels, width, stride=2)]
            layers += [ConvNormAct(width, width) for _ in range(depth - 1)]
            stages.append(nn.Sequential(*layers))
            channels = width
        super().__init__(*stages)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        return {"detail": super().forward(image)}


class ShortcutLayer(nn.Module):
    """``body`` beside a shortcut, then ReLU (BiSeNet V2, Figure 5b and 5c).

    ``BxC_inxHxW -> BxC_outxceil(H/s)xceil(W/s)``: the shortcut is the identity at stride 1, separable at 2.
    """

    def __init__(self, body: nn.Module, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        if stride == 1 and in_channels != out_channels:
            raise ValueError(f"stride 1 keeps the channels: {in_channels} in, {out_channels} out")
        self.body = body
        self.shortcut: nn.Module = nn.Identity()
        if stride == 2:
            self.shortcut = nn.Sequential(
                depthwise(in_channels, stride),
                ConvNormAct(in_channels, out_channels, kernel=1, act=False),
            )
        self.act = nn.ReLU(inplace=True)

    def forward(self, features: Tensor) -> Tensor:
        return self.act(self.body(features) + self.shortcut(features))


class GatherExpansionLayer(ShortcutLayer):
    """Gather with a dense 3x3 that expands, filter depth-wise, project back (BiSeNet V2, Section 4.2).

    The first convolution maps C to expansion x C channels; stride 2 has two 3x3 depth-wise convolutions, or
    one 5x5 without ``double_depthwise``. ``gather_kernel`` 1 makes the first convolution point-wise
    (Table 3b).
    """

    def __init__(
        self, in_channels: int, out_channels: int, stride: int = 1, expansion: int = 6,
        gather_kernel: int = 3, double_depthwise: bool = True
    ) -> None:
        channels = expansion * in_channels
        filters = [depthwise(channels, stride)]
        if stride == 2 and double_depthwise:
            filters.append(depthwise(channels))
        elif stride == 2:
            filters = [ConvNormAct(channels, channels, 5, stride, groups=channels, act=False)]
        body = nn.Sequential(
            ConvNormAct(in_channels, channels, gather_kernel),
            *filters,
            ConvNormAct(channels, out_channels, kernel=1, act=False),
        )
        super().__init__(body, in_channels, out_channels, stride)


class StemBlock(nn.Module):
    """Two ways of down-sampling side by side, then fused (BiSeNet V2, Section 4.2, Figure 4a).

    ``Bx3xHxW -> BxCxH/4xW/4``. The fusing convolution is 1x1: so the paper's operation counts come out.
    """

    def __init__(self, channels: int, fuse_kernel: int = 1) -> None:
        super().__init__()
        self.reduce = ConvNormAct(3, channels, stride=2)
        self.convolve = nn.Sequential(
            ConvNormAct(channels, channels // 2, kernel=1),
            ConvNormAct(channels // 2, channels, stride=2),
        )
        self.pool = nn.MaxPool2d(3, stride=2, padding=1)
        self.fuse = ConvNormAct(2 * channels, channels, fuse_kernel)

    def forward(self, image: Tensor) -> Tensor:
        features = self.reduce(image)
        return self.fuse(torch.cat([self.convolve(features), self.pool(features)], dim=1))


class ContextEmbeddingBlock(nn.Module):
    """Add global context to every position (BiSeNet V2, Figure 4b). ``BxCxHxW -> BxCxHxW``."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels)
        self.embed = ConvNormAct(channels, channels, kernel=1)
        self.conv = nn.Conv2d(channels, channels, 3, padding=1, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        context = self.embed(self.norm(features.mean(dim=(2, 3), keepdim=True)))
        return self.conv(features + context)


class SemanticBranch(nn.Module):
    """Stem, three stages of Gather-and-Expansion, context embedding (BiSeNet V2, Section 4.2, Table 1).

    ``Bx3xHxW ->`` features after every stage by name, the last ("stage5_5", BxC5xH/32xW/32) being the output
    of the branch. ``widths`` are the channels of stem and stages 3 to 5, (16, 32, 64, 128) at alpha = 1 and
    lambda = 1/4; stages 3, 4 and 5 hold 2d, 2d and 4d layers. ``stem``, ``layer`` and ``context`` build the
    parts from their channels.
    """

    def __init__(
        self, widths: tuple[int, int, int, int], depth: int = 1, stem: Callable[[int], nn.Module] = StemBlock,
        layer: Callable[..., nn.Module] = GatherExpansionLayer,
        context: Callable[[int], nn.Module] = ContextEmbeddingBlock
    ) -> None:
        super().__init__()
        self.widths = dict(zip(STAGES, (*widths, widths[-1])))
        self.stage2 = stem(widths[0])
        stages = []
        for before, width, layers in zip(widths, widths[1:], (2 * depth, 2 * depth, 4 * depth)):
            others = [layer(width, width) for _ in range(layers - 1)]
            stages.append(nn.Sequential(layer(before, width, stride=2), *others))
        self.stage3, self.stage4, self.stage5_4 = stages
        self.stage5_5 = context(widths[-1])

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        stages = (self.stage2, self.stage3, self.stage4, self.stage5_4, self.stage5_5)
        return dict(zip(STAGES, outputs_of(stages, image)))


class ForeignSemanticBranch(nn.Module):
    """A trunk of ``TRUNKS`` and a 3x3 to the width of the aggregation (BiSeNet V2, Section 5.2, Table 6).

    Gives features by the same names and at the same scales as ``SemanticBranch``.
    """

    def __init__(self, trunk: str, channels: int = FOREIGN_WIDTH) -> None:
        super().__init__()
        self.trunk = TRUNKS[trunk]()
        self.widths = dict(zip(STAGES, (*self.trunk.channels, channels)))
        self.project = ConvNormAct(self.trunk.channels[-1], channels)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        found = dict(zip(STAGES, self.trunk(image)))
        found["stage5_5"] = self.project(found["stage5_4"])
        return found
