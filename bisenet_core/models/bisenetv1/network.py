"""BiSeNet V1, the network."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from bisenet_core.errors import InputError
from bisenet_core.models.backbones import BACKBONES
from bisenet_core.models.bisenetv1.context_path import UPSAMPLINGS, ContextPath
from bisenet_core.models.bisenetv1.feature_fusion import ATTENTIONS, FeatureFusionModule
from bisenet_core.models.bisenetv1.spatial_path import SpatialPath
from bisenet_core.models.layers import SegmentationHead, initialise_he
from bisenet_core.models.network import SegmentationNetwork


class BiSeNetV1(SegmentationNetwork):
    """BiSeNet (Yu et al., ECCV 2018) as in its authors' code; the options make it what the ports compute.

    The defaults are those of the authors' configuration for speed. Their one for accuracy computes the same;
    it differs in training, by wider auxiliary heads and a loss at the resolution of the image.

    Options: ``backbone`` names the trunk; ``width`` is that of both paths, twice that after fusion;
    ``head_channels`` and ``auxiliary_channels`` are those of the heads; ``attention`` is what weighs the
    channels in the Feature Fusion Module; ``upsampling`` is how context grows ("bilinear" or "nearest").
    Auxiliary heads sit on the outputs of the Context Path (Section 3.3), "context32" and "context16".
    """

    def __init__(
        self,
        num_classes: int,
        backbone: str = "resnet18",
        width: int = 128,
        head_channels: int = 64,
        auxiliary_channels: int = 128,
        attention: str = "conv-relu-conv",
        upsampling: str = "bilinear",
        auxiliary: bool = True,
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
