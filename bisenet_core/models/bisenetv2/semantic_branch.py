"""Semantic Branch of BiSeNet V2: narrow channels, many layers, high-level context."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from bisenet_core.models.bisenetv2.gather_expansion import GatherExpansionLayer
from bisenet_core.models.layers import ConvNormAct

#: Where boosters sit: after stages 2 (the stem), 3, 4 and 5_4 (third row of Table 4).
BOOSTED_STAGES = ("stage2", "stage3", "stage4", "stage5_4")


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
        self,
        widths: tuple[int, int, int, int],
        depth: int = 1,
        stem: Callable[[int], nn.Module] = StemBlock,
        layer: Callable[..., nn.Module] = GatherExpansionLayer,
        context: Callable[[int], nn.Module] = ContextEmbeddingBlock,
    ) -> None:
        super().__init__()
        self.boosted = dict(zip(BOOSTED_STAGES, widths))
        self.stage2 = stem(widths[0])
        stages = []
        for before, width, layers in zip(widths, widths[1:], (2 * depth, 2 * depth, 4 * depth)):
            others = [layer(width, width) for _ in range(layers - 1)]
            stages.append(nn.Sequential(layer(before, width, stride=2), *others))
        self.stage3, self.stage4, self.stage5_4 = stages
        self.stage5_5 = context(widths[-1])

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        features, found = image, {}
        for name in (*BOOSTED_STAGES, "stage5_5"):
            features = getattr(self, name)(features)
            found[name] = features
        return found
