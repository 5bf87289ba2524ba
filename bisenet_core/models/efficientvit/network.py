"""EfficientViT-Seg, the network."""

from typing import NamedTuple

from torch import Tensor, nn

from bisenet_core.errors import InputError, suggest
from bisenet_core.models.efficientvit.backbone import (
    EXPANSION,
    VARIANTS,
    EfficientViTBackbone,
    InvertedBottleneck,
    conv,
)
from bisenet_core.models.efficientvit.cubic_resize import cubic_to
from bisenet_core.models.network import SegmentationNetwork


class Decoder(NamedTuple):
    """Channels in which the stages are summed, and how many blocks follow the sum."""

    width: int
    depth: int


DECODERS = {"b0": Decoder(32, 1), "b1": Decoder(64, 3)}


class EfficientViTSeg(SegmentationNetwork):
    """EfficientViT-Seg (arXiv 2205.14756, Section 3.2): the trunk and a head that sums its three scales.

    ``variant`` is "b0" (0.7 M parameters) or "b1" (4.8 M). The authors train it without auxiliary heads, so
    there are none, whatever ``auxiliary`` says.
    """

    def __init__(self, num_classes: int, variant: str = "b0", auxiliary: bool = True) -> None:
        super().__init__()
        if variant not in VARIANTS:
            raise InputError(f"no EfficientViT is called {variant!r}; {suggest(variant, sorted(VARIANTS))}")
        width, depth = DECODERS[variant]
        self.backbone = EfficientViTBackbone(variant)
        self.inputs = nn.ModuleList(conv(c, width, act=False) for c in VARIANTS[variant].widths[2:])
        self.decoder = nn.Sequential(*(InvertedBottleneck(width, width) for _ in range(depth)))
        self.head = nn.Sequential(
            conv(width, EXPANSION * width), conv(EXPANSION * width, num_classes, norm=False, act=False))

    def features(self, image: Tensor) -> dict[str, Tensor]:
        first, *others = (conv(stage) for conv, stage in zip(self.inputs, self.backbone(image)))
        for features in others:
            first = first + cubic_to(features, like=first)
        return {"main": self.decoder(first)}
