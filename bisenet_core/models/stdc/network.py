"""STDC-Seg, the network."""

from torch import Tensor

from bisenet_core.models.bisenetv1.context_path import ContextPath
from bisenet_core.models.bisenetv1.feature_fusion import FeatureFusionModule, two_convolutions
from bisenet_core.models.layers import SegmentationHead, initialise_he, nearest_to
from bisenet_core.models.network import SegmentationNetwork
from bisenet_core.models.stdc.backbone import STDCNet
from bisenet_core.models.stdc.detail_head import DetailHead


class STDCSeg(SegmentationNetwork):
    """STDC-Seg ("Rethinking BiSeNet", CVPR 2021, Figure 4): BiSeNet without a Spatial Path.

    Stage 3 of the trunk takes its place, taught by the Detail Head where labels change. ``backbone`` is
    "stdc1" or "stdc2". Channels and auxiliary heads, on the outputs of the context path
    ("context32" and "context16") and on stage 3 ("detail"), are those of the authors' configuration.
    """

    detail_heads = frozenset({"detail"})

    def __init__(self, num_classes: int, backbone: str = "stdc1", auxiliary: bool = True) -> None:
        super().__init__()
        context, fused, mid = 128, 256, 64
        detail = STDCNet.channels[1]
        self.backbone = STDCNet(backbone)
        self.context_path = ContextPath(STDCNet.channels, context, nearest_to)
        self.fusion = FeatureFusionModule(detail + context, fused, two_convolutions(fused, reduction=4))
        self.head = SegmentationHead(fused, fused, num_classes)
        if auxiliary:
            for name in ("context32", "context16"):
                self.auxiliary[name] = SegmentationHead(context, mid, num_classes)
            self.auxiliary["detail"] = DetailHead(detail, mid)
        initialise_he(self)

    def features(self, image: Tensor) -> dict[str, Tensor]:
        stages = self.backbone(image)
        detail = stages[1]
        context = self.context_path(stages)
        return {**context, "detail": detail, "main": self.fusion(detail, context["context16"])}

