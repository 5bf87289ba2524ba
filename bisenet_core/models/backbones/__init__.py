"""Classification networks without their classifiers, as trunks of segmentation networks."""

from collections.abc import Callable
from functools import partial

from torch import nn

from bisenet_core.models.backbones.resnet import ResNet
from bisenet_core.models.backbones.xception39 import Xception39

#: Trunks by name. Each gives [1/4, 1/8, 1/16, 1/32] features and tells their widths in ``channels``.
BACKBONES: dict[str, Callable[[], nn.Module]] = {
    "resnet18": partial(ResNet, 18),
    "resnet50": partial(ResNet, 50),
    "resnet50_v1c": partial(ResNet, 50, deep_stem=True),
    "resnet101": partial(ResNet, 101),
    "resnet101_v1c": partial(ResNet, 101, deep_stem=True),
    "xception39": Xception39,
}
