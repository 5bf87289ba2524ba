"""Semantic Branch of BiSeNet V2: narrow channels, many layers, high-level context."""

import torch
from torch import Tensor, nn

from bisenet_core.models.layers import ConvNormAct, depthwise


class StemBlock(nn.Module):
    """Two ways of down-sampling side by side, then fused (BiSeNet V2, Section 4.2, Figure 4a).

    ``Bx3xHxW -> BxCxH/4xW/4``. The fusing convolution is 1x1: so the paper's operation counts come out.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.reduce = ConvNormAct(3, channels, stride=2)
        self.convolve = nn.Sequential(
            ConvNormAct(channels, channels // 2, kernel=1),
            ConvNormAct(channels // 2, channels, stride=2),
        )
        self.pool = nn.MaxPool2d(3, stride=2, padding=1)
        self.fuse = ConvNormAct(2 * channels, channels, kernel=1)

    def forward(self, image: Tensor) -> Tensor:
        features = self.reduce(image)
        return self.fuse(torch.cat([self.convolve(features), self.pool(features)], dim=1))


class GatherExpansionLayer(nn.Module):
    """Gather with a dense 3x3 that expands, filter depth-wise, project back (BiSeNet V2, Figure 5b and 5c).

    ``BxC_inxHxW -> BxC_outxH/sxW/s``. The first 3x3 maps C to expansion x C channels, as Section 4.2 says;
    stride 2 has a second depth-wise convolution and a separable shortcut.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1, expansion: int = 6) -> None:
        super().__init__()
        if stride == 1 and in_channels != out_channels:
            raise ValueError(f"stride 1 keeps the channels: {in_channels} in, {out_channels} out")
        mid_channels = expansion * in_channels
        layers = [ConvNormAct(in_channels, mid_channels), depthwise(mid_channels, stride)]
        if stride == 2:
            layers.append(depthwise(mid_channels))
        layers.append(ConvNormAct(mid_channels, out_channels, kernel=1, act=False))
        self.body = nn.Sequential(*layers)
        self.shortcut: nn.Module = nn.Identity()
        if stride == 2:
            self.shortcut = nn.Sequential(
                depthwise(in_channels, stride),
                ConvNormAct(in_channels, out_channels, kernel=1, act=False),
            )
        self.act = nn.ReLU(inplace=True)

    def forward(self, features: Tensor) -> Tensor:
        return self.act(self.body(features) + self.shortcut(features))


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

    ``Bx3xHxW -> BxC5xH/32xW/32``. ``stage_features`` returns what the boosters are attached to.
    ``widths`` are the channels of stem and stages 3 to 5, (16, 32, 64, 128) at alpha = 1 and lambda = 1/4;
    stages 3, 4 and 5 hold 2d, 2d and 4d layers.
    """

    #: where boosters sit: after stages 2 (the stem), 3, 4 and 5_4 (third row of the booster table)
    BOOSTED_STAGES = ("stage2", "stage3", "stage4", "stage5_4")

    def __init__(self, widths: tuple[int, int, int, int], depth: int = 1, expansion: int = 6) -> None:
        super().__init__()
        stem, *rest = widths
        self.widths = widths
        self.stage2 = StemBlock(stem)
        stages, channels = [], stem
        for width, layers in zip(rest, (2 * depth, 2 * depth, 4 * depth)):
            first = GatherExpansionLayer(channels, width, stride=2, expansion=expansion)
            others = [GatherExpansionLayer(width, width, expansion=expansion) for _ in range(layers - 1)]
            stages.append(nn.Sequential(first, *others))
            channels = width
        self.stage3, self.stage4, self.stage5_4 = stages
        self.stage5_5 = ContextEmbeddingBlock(channels)

    def stage_features(self, image: Tensor) -> dict[str, Tensor]:
        """Features after every stage by name, the last ("stage5_5") being the output of the branch."""
        features, found = image, {}
        for name in (*self.BOOSTED_STAGES, "stage5_5"):
            features = getattr(self, name)(features)
            found[name] = features
        return found

    def forward(self, image: Tensor) -> Tensor:
        return self.stage_features(image)["stage5_5"]
