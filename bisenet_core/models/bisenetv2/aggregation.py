"""The layers that merge the branches of BiSeNet V2. Each takes the features of all branches by name."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from bisenet_core.models.layers import ConvNormAct, resize_to, separable


class BilateralGuidedAggregation(nn.Module):
    """Each branch, seen at both scales, is weighted by the other (BiSeNet V2, Section 4.3, Figure 6).

    "detail" ``BxCxH/8xW/8`` and "stage5_5" ``BxCxH/32xW/32`` -> ``BxCxH/8xW/8``. ``separable`` builds the
    separable layers from their channels, ``resize`` brings features to the size of others.
    """

    def __init__(
        self, channels: int, separable: Callable[[int], nn.Module] = separable,
        resize: Callable[[Tensor, Tensor], Tensor] = resize_to
    ) -> None:
        super().__init__()
        self.detail_high = separable(channels)
        self.detail_low = nn.Sequential(
            ConvNormAct(channels, channels, stride=2, act=False), nn.AvgPool2d(3, stride=2, padding=1)
        )
        self.semantic_high = ConvNormAct(channels, channels, act=False)
        self.semantic_low = separable(channels)
        self.conv = ConvNormAct(channels, channels)
        self.resize = resize

    def forward(self, features: dict[str, Tensor]) -> Tensor:
        detail, semantic = features["detail"], features["stage5_5"]
        high = self.detail_high(detail) * self.resize(self.semantic_high(semantic), detail).sigmoid()
        low = self.detail_low(detail) * self.semantic_low(semantic).sigmoid()
        return self.conv(high + self.resize(low, high))


class SumAggregation(nn.Module):
    """Sum of the branches, each through one separable layer, then a 3x3 (BiSeNet V2, Section 5.1, Table 2).

    Shapes as in ``BilateralGuidedAggregation``.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.detail = separable(channels)
        self.semantic = separable(channels)
        self.conv = ConvNormAct(channels, channels)

    def forward(self, features: dict[str, Tensor]) -> Tensor:
        detail = self.detail(features["detail"])
        return self.conv(self.merge(detail, resize_to(self.semantic(features["stage5_5"]), detail)))

    def merge(self, detail: Tensor, semantic: Tensor) -> Tensor:
        """Two times ``BxCxhxw`` -> what the 3x3 takes."""
        return detail + semantic


class ConcatAggregation(SumAggregation):
    """The same with the branches side by side, so that the 3x3 sees twice the channels (Table 2)."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.conv = ConvNormAct(2 * channels, channels)

    def merge(self, detail: Tensor, semantic: Tensor) -> Tensor:
        return torch.cat([detail, semantic], dim=1)


class DetailOnly(nn.Module):
    """The Detail Branch alone: only its separable layer is left (BiSeNet V2, first row of Table 2)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.detail = separable(channels)

    def forward(self, features: dict[str, Tensor]) -> Tensor:
        return self.detail(features["detail"])


class SemanticOnly(nn.Module):
    """The Semantic Branch alone, brought to 1/8 behind its separable layer (second row of Table 2)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.semantic = separable(channels)

    def forward(self, features: dict[str, Tensor]) -> Tensor:
        return resize_to(self.semantic(features["stage5_5"]), features["stage3"])
