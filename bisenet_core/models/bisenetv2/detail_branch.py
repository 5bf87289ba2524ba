"""Detail Branch of BiSeNet V2: wide channels, few layers, low-level detail."""

from torch import Tensor, nn

from bisenet_core.models.layers import ConvNormAct


class DetailBranch(nn.Sequential):
    """Three stages, each beginning with stride 2 (BiSeNet V2, Section 4.1 and Table 1).

    ``Bx3xHxW -> {"detail": BxC3xH/8xW/8}``. ``widths`` are the channels of the stages, (64, 64, 128) at
    alpha = 1.
    """

    def __init__(self, widths: tuple[int, int, int]) -> None:
        stages, channels = [], 3
        for width, depth in zip(widths, (2, 3, 3)):
            layers = [ConvNormAct(channels, width, stride=2)]
            layers += [ConvNormAct(width, width) for _ in range(depth - 1)]
            stages.append(nn.Sequential(*layers))
            channels = width
        super().__init__(*stages)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        return {"detail": super().forward(image)}
