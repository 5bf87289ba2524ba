"""Bilateral Guided Aggregation of BiSeNet V2."""

from torch import Tensor, nn

from bisenet_core.models.layers import ConvNormAct, resize_to, separable


class BilateralGuidedAggregation(nn.Module):
    """Each branch, seen at both scales, is weighted by the other (BiSeNet V2, Section 4.3, Figure 6).

    Detail ``BxCxH/8xW/8`` and semantic ``BxCxH/32xW/32`` -> ``BxCxH/8xW/8``.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.detail_high = separable(channels)
        self.detail_low = nn.Sequential(
            ConvNormAct(channels, channels, stride=2, act=False), nn.AvgPool2d(3, stride=2, padding=1)
        )
        self.semantic_high = ConvNormAct(channels, channels, act=False)
        self.semantic_low = separable(channels)
        self.conv = ConvNormAct(channels, channels)

    def forward(self, detail: Tensor, semantic: Tensor) -> Tensor:
        high = self.detail_high(detail) * resize_to(self.semantic_high(semantic), detail).sigmoid()
        low = self.detail_low(detail) * self.semantic_low(semantic).sigmoid()
        return self.conv(high + resize_to(low, high))
