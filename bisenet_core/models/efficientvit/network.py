"""EfficientViT-Seg, the network."""


import torch
from torch import Tensor, nn
from torch.nn import functional

from bisenet_core.errors import InputError, suggest
from bisenet_core.models.efficientvit.backbone import (
    EXPANSION,
    VARIANTS,
    EfficientViTBackbone,
    InvertedBottleneck,
    conv,
)
from bisenet_core.models.layers import SegmentationNetwork

_A = -0.75  # PyTorch's and ONNX's cubic kernel (Keys, 1981)


def cubic_to(features: Tensor, like: Tensor) -> Tensor:
    """Bicubic interpolation (half-pixel centres) to the height and width of ``like``. BxCxHxW -> BxCxhxw."""
    if not torch.jit.is_tracing():
        return functional.interpolate(features, size=like.shape[-2:], mode="bicubic", align_corners=False)
    rows, columns = (cubic_matrix(features.shape[axis], like.shape[axis], like.dtype) for axis in (2, 3))
    return rows @ features @ columns.transpose(0, 1)


def cubic_matrix(source: int | Tensor, target: int | Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """target x source weights that resize one axis; sizes may be those of a graph that is being traced.

    Target pixel i lies at (i + 1/2) * source / target - 1/2; beyond the border its pixels are repeated.
    Places are integers, so that FP16 cannot move them.
    """
    place = (2 * torch.arange(target) + 1) * source + target  # in 1 / (2 * target) pixels, from pixel -1
    after = torch.div(place, 2 * target, rounding_mode="trunc")
    fraction = (place - after * 2 * target).to(dtype) / (2 * target)
    pixels = torch.arange(source)
    total = torch.zeros((), dtype=dtype)
    weights = _far(fraction), _near(fraction), _near(1 - fraction), _far(1 - fraction)
    for step, weight in enumerate(weights, start=-2):
        pixel = torch.minimum(torch.maximum(after + step, pixels[0]), pixels[-1])
        total = total + weight[:, None] * (pixel[:, None] == pixels).to(dtype)
    return total


def _near(distance: Tensor) -> Tensor:
    """Weight of a pixel that is ``distance``, 0 to 1, away."""
    return 1 - distance * distance * ((_A + 3) - (_A + 2) * distance)


def _far(distance: Tensor) -> Tensor:
    """Weight of a pixel that is 1 + ``distance``, 1 to 2, away; nothing large cancels in FP16."""
    return _A * distance * (1 - distance) * (1 - distance)


class EfficientViTSeg(SegmentationNetwork):
    """EfficientViT-Seg (arXiv 2205.14756, Section 3.2): the trunk and a head that sums its three scales.

    ``variant`` is "b0" (0.7 M parameters) or "b1" (4.8 M). The authors train it without auxiliary heads, so
    there are none, whatever ``auxiliary`` says.
    """

    def __init__(self, num_classes: int, variant: str = "b0", auxiliary: bool = True) -> None:
        super().__init__()
        if variant not in VARIANTS:
            raise InputError(f"no EfficientViT is called {variant!r}; {suggest(variant, sorted(VARIANTS))}")
        chosen = VARIANTS[variant]
        width = chosen.decoder_width
        self.backbone = EfficientViTBackbone(variant)
        self.inputs = nn.ModuleList(conv(c, width, act=False) for c in chosen.widths[2:])
        self.decoder = nn.Sequential(*(InvertedBottleneck(width, width) for _ in range(chosen.decoder_depth)))
        self.head = nn.Sequential(
            conv(width, EXPANSION * width), conv(EXPANSION * width, num_classes, norm=False, act=False))

    def features(self, image: Tensor) -> dict[str, Tensor]:
        first, *others = (conv(stage) for conv, stage in zip(self.inputs, self.backbone(image)))
        for features in others:
            first = first + cubic_to(features, like=first)
        return {"main": self.decoder(first)}
