"""Other classification networks as the Semantic Branch of BiSeNet V2."""

from collections.abc import Callable
from functools import partial

from torch import Tensor, nn

from bisenet_core.models.backbones.mobilenetv2 import MobileNetV2
from bisenet_core.models.backbones.resnet import ResNet
from bisenet_core.models.backbones.shufflenetv2 import ShuffleNetV2
from bisenet_core.models.bisenetv2.semantic_branch import BOOSTED_STAGES
from bisenet_core.models.layers import ConvNormAct

TRUNKS: dict[str, Callable[[], nn.Module]] = {
    "shufflenetv2_x1_5": ShuffleNetV2,
    "mobilenetv2": MobileNetV2,
    "resnet18": partial(ResNet, 18),
}

#: Channels of the last stage of the Detail Branch and of all behind it. The paper does not state them:
#: with 512, everything else as at alpha = 1, all operation counts of Table 6 come out.
FOREIGN_WIDTH = 512


class ForeignSemanticBranch(nn.Module):
    """A trunk of ``TRUNKS`` and a 3x3 to the width of the aggregation (BiSeNet V2, Section 5.2, Table 6).

    Gives features by the same names and at the same scales as ``SemanticBranch``.
    """

    def __init__(self, trunk: str, channels: int = FOREIGN_WIDTH) -> None:
        super().__init__()
        self.trunk = TRUNKS[trunk]()
        self.boosted = dict(zip(BOOSTED_STAGES, self.trunk.channels))
        self.project = ConvNormAct(self.trunk.channels[-1], channels)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        found = dict(zip(BOOSTED_STAGES, self.trunk(image)))
        found["stage5_5"] = self.project(found["stage5_4"])
        return found
