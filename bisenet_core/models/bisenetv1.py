"""BiSeNet V1 (Yu et al., ECCV 2018) and its parts."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from bisenet_core.errors import InputError
from bisenet_core.models.backbones import BACKBONES
from bisenet_core.models.layers import (
    ConvNormAct,
    SegmentationHead,
    SegmentationNetwork,
    initialise_he,
    nearest_to,
)


class SpatialPath(nn.Sequential):
    """Three convolutions of stride 2, then a 1x1 (BiSeNet, Section 3.1, Figure 2a).

    Few layers, and wide, so that spatial detail survives. ``Bx3xHxW -> BxCxH/8xW/8``; the layers before
    the last have C/2 channels.
    """

    def __init__(self, channels: int) -> None:
        inner = channels // 2
        super().__init__(
            ConvNormAct(3, inner, kernel=7, stride=2),
            ConvNormAct(inner, inner, stride=2),
            ConvNormAct(inner, inner, stride=2),
            ConvNormAct(inner, channels, kernel=1),
        )


class AttentionRefinementModule(nn.Module):
    """Weigh channels by what the whole image holds (BiSeNet, Section 3.3, Figure 2b).

    ``BxC_inxHxW -> BxC_outxHxW``. The authors' code, and every port, first brings the trunk's features to the
    width of the path with a 3x3 convolution that the figure leaves out.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = ConvNormAct(in_channels, out_channels)
        self.attention = ConvNormAct(out_channels, out_channels, kernel=1, act=False)

    def forward(self, features: Tensor) -> Tensor:
        features = self.conv(features)
        return features * self.attention(features.mean(dim=(2, 3), keepdim=True)).sigmoid()


#: Brings the first map to the height and width of the second.
Upsampling = Callable[[Tensor, Tensor], Tensor]


def bilinear(features: Tensor, like: Tensor) -> Tensor:
    """As the authors do it, corners meeting corners."""
    return functional.interpolate(features, size=like.shape[-2:], mode="bilinear", align_corners=True)


UPSAMPLINGS: dict[str, Upsampling] = {"bilinear": bilinear, "nearest": nearest_to}


class ContextPath(nn.Module):
    """Global context, refined with the last two stages of the trunk (BiSeNet, Section 3.2, Figure 2a).

    Features of a trunk at 1/4, 1/8, 1/16 and 1/32, ``channels`` wide, ->
    ``{"context32": BxCxH/16xW/16, "context16": BxCxH/8xW/8}``, C = ``width``: named after the stage of the
    trunk that came in last, each already at the resolution of the stage before it.
    """

    def __init__(self, channels: tuple[int, ...], width: int, upsampling: Upsampling) -> None:
        super().__init__()
        *_, channels16, channels32 = channels
        self.upsampling = upsampling
        self.global_context = ConvNormAct(channels32, width, kernel=1)
        self.attention32 = AttentionRefinementModule(channels32, width)
        self.attention16 = AttentionRefinementModule(channels16, width)
        self.refine32 = ConvNormAct(width, width)
        self.refine16 = ConvNormAct(width, width)

    def forward(self, trunk: list[Tensor]) -> dict[str, Tensor]:
        _, trunk8, trunk16, trunk32 = trunk
        context = self.global_context(trunk32.mean(dim=(2, 3), keepdim=True))
        context32 = self.refine32(self.upsampling(self.attention32(trunk32) + context, trunk16))
        context16 = self.refine16(self.upsampling(self.attention16(trunk16) + context32, trunk8))
        return {"context32": context32, "context16": context16}


def two_convolutions(channels: int, reduction: int = 1) -> nn.Sequential:
    """1x1, ReLU, 1x1, without norms: the paper's Figure 2c and the authors' code. STDC's narrows between."""
    return nn.Sequential(
        nn.Conv2d(channels, channels // reduction, 1, bias=False),
        nn.ReLU(inplace=True),
        nn.Conv2d(channels // reduction, channels, 1, bias=False),
    )


#: The second is CoinCheung's, the third, after which no weight is below a half, mmsegmentation's.
ATTENTIONS: dict[str, Callable[[int], nn.Module]] = {
    "conv-relu-conv": two_convolutions,
    "conv-norm": lambda channels: ConvNormAct(channels, channels, kernel=1, act=False),
    "conv-norm-relu": lambda channels: ConvNormAct(channels, channels, kernel=1),
}


class FeatureFusionModule(nn.Module):
    """Bring two levels of features together, then reweigh their channels (BiSeNet, Section 3.3, Figure 2c).

    Two maps, together ``BxC_inxHxW``, -> ``BxC_outxHxW``. ``attention`` maps ``BxC_outx1x1`` to itself.
    """

    def __init__(self, in_channels: int, out_channels: int, attention: nn.Module) -> None:
        super().__init__()
        self.conv = ConvNormAct(in_channels, out_channels, kernel=1)
        self.attention = attention

    def forward(self, spatial: Tensor, context: Tensor) -> Tensor:
        features = self.conv(torch.cat([spatial, context], dim=1))
        weights = self.attention(features.mean(dim=(2, 3), keepdim=True)).sigmoid()
        return features + features * weights


class BiSeNetV1(SegmentationNetwork):
    """BiSeNet (Yu et al., ECCV 2018) as in its authors' code; the options make it what the ports compute.

    docs/readings.md says where code and paper differ.

    Options: ``backbone`` names the trunk; ``width`` is that of both paths, twice that after fusion;
    ``head_channels`` and ``auxiliary_channels`` are those of the heads; ``attention`` is what weighs the
    channels in the Feature Fusion Module; ``upsampling`` is how context grows ("bilinear" or "nearest").
    Auxiliary heads sit on the outputs of the Context Path (Section 3.3), "context32" and "context16".
    """

    def __init__(
        self, num_classes: int, backbone: str = "resnet18", width: int = 128, head_channels: int = 64,
        auxiliary_channels: int = 128, attention: str = "conv-relu-conv", upsampling: str = "bilinear",
        auxiliary: bool = True
    ) -> None:
        super().__init__()
        weigh = _chosen("attention", attention, ATTENTIONS)(2 * width)
        self.spatial_path = SpatialPath(width)
        self.trunk = _chosen("backbone", backbone, BACKBONES)()
        grow = _chosen("upsampling", upsampling, UPSAMPLINGS)
        self.context_path = ContextPath(self.trunk.channels, width, grow)
        self.fusion = FeatureFusionModule(2 * width, 2 * width, weigh)
        self.head = SegmentationHead(2 * width, head_channels, num_classes)
        if auxiliary:
            for name in ("context32", "context16"):
                self.auxiliary[name] = SegmentationHead(width, auxiliary_channels, num_classes)
        initialise_he(self)

    def features(self, image: Tensor) -> dict[str, Tensor]:
        context = self.context_path(self.trunk(image))
        main = self.fusion(self.spatial_path(image), context["context16"])
        return {**context, "main": main}


def _chosen(option: str, name: str, known: Mapping[str, Any]) -> Any:
    if name not in known:
        raise InputError(f"{option} is {name!r}; expected one of {', '.join(known)}")
    return known[name]
