"""Building blocks shared by the networks, and the base class of those that label pixels."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional

from bisenet_core.errors import InputError


class ConvNormAct(nn.Sequential):
    """Convolution without bias, batch normalisation and, unless ``act`` is false, ReLU.

    ``BxC_inxHxW -> BxC_outxceil(H/stride)xceil(W/stride)``: padding keeps the size at stride 1.
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int = 3, stride: int = 1, groups: int = 1,
        act: bool = True
    ) -> None:
        conv = nn.Conv2d(
            in_channels, out_channels, kernel, stride, padding=kernel // 2, groups=groups, bias=False
        )
        layers: list[nn.Module] = [conv, nn.BatchNorm2d(out_channels)]
        super().__init__(*layers, *([nn.ReLU(inplace=True)] if act else []))


def has_norm(module: nn.Module) -> bool:
    """Whether ``module`` is a sequence that begins with a convolution and its batch norm."""
    if not isinstance(module, nn.Sequential) or len(module) < 2:
        return False
    return isinstance(module[0], nn.Conv2d) and isinstance(module[1], nn.BatchNorm2d)


def depthwise(channels: int, stride: int = 1) -> ConvNormAct:
    """3x3 depth-wise convolution with batch normalisation and no activation (BiSeNet V2, Figure 5)."""
    return ConvNormAct(channels, channels, 3, stride, groups=channels, act=False)


def separable(channels: int) -> nn.Sequential:
    """3x3 depth-wise, then 1x1, each with batch normalisation and no activation. ``BxCxHxW -> BxCxHxW``."""
    return nn.Sequential(depthwise(channels), ConvNormAct(channels, channels, kernel=1, act=False))


def resize_to(features: Tensor, like: Tensor) -> Tensor:
    """Bilinear interpolation (half-pixel centres) to the height and width of ``like``."""
    return functional.interpolate(features, size=like.shape[-2:], mode="bilinear", align_corners=False)


def nearest_to(features: Tensor, like: Tensor) -> Tensor:
    """Nearest-neighbour interpolation to the height and width of ``like``, as public ports do it."""
    return functional.interpolate(features, size=like.shape[-2:], mode="nearest")


def outputs_of(modules: Iterable[nn.Module], features: Tensor) -> list[Tensor]:
    """What each of ``modules``, run one after the other on ``features``, gives."""
    found = []
    for module in modules:
        features = module(features)
        found.append(features)
    return found


class SegmentationHead(nn.Module):
    """3x3 to ``mid_channels``, then 1x1 to ``num_classes`` with bias (BiSeNet V2, Figure 7).

    ``BxCxHxW -> BxKxHxW`` logits at the resolution of its input.
    """

    def __init__(self, in_channels: int, mid_channels: int, num_classes: int) -> None:
        super().__init__()
        self.conv = ConvNormAct(in_channels, mid_channels)
        self.classifier = nn.Conv2d(mid_channels, num_classes, 1)

    def forward(self, features: Tensor) -> Tensor:
        return self.classifier(self.conv(features))


def initialise_he(module: nn.Module) -> None:
    """Initialise convolutions after He et al. (2015), as BiSeNet V2 (Section 5.1) trains from scratch."""
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")
            if part.bias is not None:
                nn.init.zeros_(part.bias)


def check_image_size(image: Tensor, minimum: int = 32) -> None:
    """Raise ``InputError`` unless ``image`` is Bx3xHxW with both sides at least ``minimum`` pixels."""
    if torch.jit.is_tracing():
        return  # sizes are symbolic while a graph is being exported
    if image.ndim != 4 or image.shape[1] != 3 or min(image.shape[-2:]) < minimum:
        raise InputError(
            f"image has shape {tuple(image.shape)}; expected Bx3xHxW with H and W at least {minimum}"
        )


class SegmentationNetwork(nn.Module):
    """A head for the labels, and auxiliary heads that exist in training only.

    Input: Bx3xHxW float, normalised RGB, H and W at least 32, any size.
    Output: logits BxKxceil(H/8)xceil(W/8) in evaluation mode; in training mode a dictionary with those under
    "main" and the output of each auxiliary head under its name, at the resolution of its features.

    A subclass sets ``head``, fills ``auxiliary`` and implements ``features``.
    """

    #: Auxiliary heads that learn where labels change (Bx1xhxw) instead of the labels themselves (BxKxhxw).
    detail_heads: frozenset[str] = frozenset()

    head: nn.Module

    def __init__(self) -> None:
        super().__init__()
        self.auxiliary = nn.ModuleDict()

    def features(self, image: Tensor) -> dict[str, Tensor]:
        """BxCxhxw features: what ``head`` takes under "main", what an auxiliary head takes under its name."""
        raise NotImplementedError

    def forward(self, image: Tensor) -> Tensor | dict[str, Tensor]:
        check_image_size(image)
        features = self.features(image)
        logits = self.head(features["main"])
        if not self.training:
            return logits
        return {"main": logits, **{name: head(features[name]) for name, head in self.auxiliary.items()}}

    def without_auxiliary(self) -> "SegmentationNetwork":
        """Remove the auxiliary heads, as the network is deployed; returns the network itself."""
        self.auxiliary = nn.ModuleDict()
        return self
