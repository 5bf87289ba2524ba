"""Detail Head of STDC: teaches stage 3 where labels change."""

from bisenet_core.models.layers import SegmentationHead


class DetailHead(SegmentationHead):
    """3x3, then 1x1 to a single channel (STDC, Section 3.2.2, Figure 4b). In training only.

    ``BxCxHxW -> Bx1xHxW``, logits of a pixel being a boundary or a corner.
    """

    def __init__(self, in_channels: int, mid_channels: int = 64) -> None:
        super().__init__(in_channels, mid_channels, num_classes=1)
