"""Classification networks without their classifiers, as trunks of segmentation networks."""

from collections.abc import Callable
from functools import partial

from torch import Tensor, nn

from bisenet_core.errors import InputError
from bisenet_core.models.backbones.resnet import ResNet
from bisenet_core.models.backbones.xception39 import Xception39
from bisenet_core.models.layers import check_image_size, initialise_he

#: Trunks by name. Each gives [1/4, 1/8, 1/16, 1/32] features and tells their widths in ``channels``.
BACKBONES: dict[str, Callable[[], nn.Module]] = {
    "resnet18": partial(ResNet, 18),
    "resnet50": partial(ResNet, 50),
    "resnet50_v1c": partial(ResNet, 50, deep_stem=True),
    "resnet101": partial(ResNet, 101),
    "resnet101_v1c": partial(ResNet, 101, deep_stem=True),
    "xception39": Xception39,
}


class TrunkClassifier(nn.Module):
    """A trunk of ``BACKBONES`` with global pooling and one linear layer: ``Bx3xHxW`` -> logits ``BxK``.

    ``InputError`` for another trunk.
    """

    def __init__(self, num_classes: int, backbone: str = "xception39") -> None:
        super().__init__()
        if backbone not in BACKBONES:
            raise InputError(f"backbone is {backbone!r}; expected one of {', '.join(BACKBONES)}")
        self.trunk = BACKBONES[backbone]()
        self.fc = nn.Linear(self.trunk.channels[-1], num_classes)
        initialise_he(self)

    def forward(self, image: Tensor) -> Tensor:
        check_image_size(image)
        *_, features = self.trunk(image)
        return self.fc(features.mean(dim=(2, 3)))
