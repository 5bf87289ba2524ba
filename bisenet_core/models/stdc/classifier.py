"""STDC networks as they are trained on ImageNet."""

from torch import Tensor, nn

from bisenet_core.models.layers import ConvNormAct, check_image_size, initialise_he
from bisenet_core.models.stdc.backbone import STDCNet


class STDCClassifier(nn.Module):
    """STDC network for whole images (STDC, Table 2): ``Bx3xHxW`` normalised RGB -> logits ``BxK``.

    Where Table 2 is silent it follows the public code: ConvX6 is squared before the global pooling, neither
    fully connected layer has a bias. FC1's batch norm is among the public parameters and in the published
    count of them; the public forward pass leaves it out, which at its initial values is the same.
    FC1 is written as a 1x1 convolution of the pooled features, so that an export folds its norm.
    """

    def __init__(self, num_classes: int, backbone: str = "stdc1") -> None:
        super().__init__()
        width = STDCNet.channels[-1]
        self.backbone = STDCNet(backbone)
        self.convx6 = ConvNormAct(width, width, kernel=1)
        self.fc1 = ConvNormAct(width, width, kernel=1)
        self.dropout = nn.Dropout(0.2)
        self.fc2 = nn.Linear(width, num_classes, bias=False)
        initialise_he(self)

    def forward(self, image: Tensor) -> Tensor:
        check_image_size(image)
        *_, features = self.backbone(image)
        pooled = self.convx6(features).square().mean(dim=(2, 3), keepdim=True)
        return self.fc2(self.dropout(self.fc1(pooled).flatten(1)))
