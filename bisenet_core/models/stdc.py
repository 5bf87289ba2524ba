"""STDC networks ("Rethinking BiSeNet For Real-time Semantic Segmentation", CVPR 2021) and their parts."""

from functools import partial

import torch
from torch import Tensor, nn

from bisenet_core.errors import InputError
from bisenet_core.models.bisenetv1 import (
    ContextPath,
    FeatureFusionModule,
    SpatialPath,
    two_convolutions,
)
from bisenet_core.models.layers import (
    ConvNormAct,
    SegmentationHead,
    SegmentationNetwork,
    check_image_size,
    depthwise,
    initialise_he,
    nearest_to,
    outputs_of,
)

#: Modules in stages 3, 4 and 5 (STDC, Table 2).
REPEATS = {"stdc1": (2, 2, 2), "stdc2": (4, 5, 3)}


class ShortTermDenseConcatenateModule(nn.Module):
    """Convolutions in a row, the outputs of all of them concatenated (STDC, Section 3.1.1, Figure 3).

    ``BxMxHxW -> BxNxceil(H/stride)xceil(W/stride)``. The four ``blocks`` give N/2, N/4, N/8 and N/8 channels,
    so the small receptive fields have most of them; Figure 7 has other numbers of blocks. Stride 2 is a
    depth-wise convolution before the second one; the output of the first is pooled to the same size. The
    counts of Table 2 include that convolution, the receptive fields of Table 1 leave it out.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1, blocks: int = 4) -> None:
        super().__init__()
        widths = [out_channels // 2**index for index in range(1, blocks)]
        widths.append(widths[-1])
        others = (ConvNormAct(*channels) for channels in zip(widths, widths[1:]))
        self.blocks = nn.ModuleList([ConvNormAct(in_channels, widths[0], kernel=1), *others])
        half = widths[0]
        self.down: nn.Module = depthwise(half, stride) if stride > 1 else nn.Identity()
        self.pool: nn.Module = nn.AvgPool2d(3, stride, padding=1) if stride > 1 else nn.Identity()

    def forward(self, features: Tensor) -> Tensor:
        block1, *others = self.blocks
        first = block1(features)
        outputs, last = [self.pool(first)], self.down(first)
        for block in others:
            last = block(last)
            outputs.append(last)
        return torch.cat(outputs, dim=1)


class STDCNet(nn.Module):
    """Stages 1 to 5 of an STDC network (STDC, Section 3.1.2, Table 2).

    ``Bx3xHxW -> [Bx64xH/4xW/4, Bx256xH/8xW/8, Bx512xH/16xW/16, Bx1024xH/32xW/32]``, stages 2 to 5.
    ``name`` is one of ``REPEATS``; the first module of a stage has stride 2. ``InputError`` for another name,
    and unless each module has 2 to 8 ``blocks``.
    """

    channels = (64, 256, 512, 1024)

    def __init__(self, name: str, blocks: int = 4) -> None:
        super().__init__()
        if name not in REPEATS:
            raise InputError(f"backbone is {name!r}; expected one of {', '.join(REPEATS)}")
        if not 2 <= blocks <= 8:
            raise InputError(f"blocks is {blocks}; expected 2 to 8")
        self.stage1 = ConvNormAct(3, 32, stride=2)
        self.stage2 = ConvNormAct(32, 64, stride=2)
        stages = map(partial(_stage, blocks), self.channels[:-1], self.channels[1:], REPEATS[name])
        self.stage3, self.stage4, self.stage5 = stages

    def forward(self, image: Tensor) -> list[Tensor]:
        stages = (self.stage2, self.stage3, self.stage4, self.stage5)
        return outputs_of(stages, self.stage1(image))


def _stage(blocks: int, in_channels: int, out_channels: int, repeats: int) -> nn.Sequential:
    module = partial(ShortTermDenseConcatenateModule, blocks=blocks)
    first = module(in_channels, out_channels, stride=2)
    others = [module(out_channels, out_channels) for _ in range(repeats - 1)]
    return nn.Sequential(first, *others)


class STDCClassifier(nn.Module):
    """STDC network for whole images (STDC, Table 2): ``Bx3xHxW`` normalised RGB -> logits ``BxK``.

    Where Table 2 is silent it follows the public code: ConvX6 is squared before the global pooling, neither
    fully connected layer has a bias. FC1's batch norm is among the public parameters and in the published
    count of them; the public forward pass leaves it out, which at its initial values is the same.
    FC1 is written as a 1x1 convolution of the pooled features, so that an export folds its norm.
    """

    def __init__(self, num_classes: int, backbone: str = "stdc1", blocks: int = 4) -> None:
        super().__init__()
        width = STDCNet.channels[-1]
        self.backbone = STDCNet(backbone, blocks)
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


class DetailHead(SegmentationHead):
    """3x3, then 1x1 to a single channel (STDC, Section 3.2.2, Figure 4b). In training only.

    ``BxCxHxW -> Bx1xHxW``, logits of a pixel being a boundary or a corner.
    """

    def __init__(self, in_channels: int, mid_channels: int = 64) -> None:
        super().__init__(in_channels, mid_channels, num_classes=1)


class STDCSeg(SegmentationNetwork):
    """STDC-Seg ("Rethinking BiSeNet", CVPR 2021, Figure 4): BiSeNet without a Spatial Path.

    Stage 3 of the trunk takes its place, taught by the Detail Head where labels change; ``spatial_path`` puts
    BiSeNet's back instead of both (Table 4). ``backbone`` is "stdc1" or "stdc2". Channels and auxiliary
    heads, on the outputs of the context path ("context32" and "context16") and on stage 3 ("detail"), are
    those of the authors' configuration; docs/readings.md says which readings of the paper were chosen.
    """

    detail_heads = frozenset({"detail"})

    def __init__(
        self, num_classes: int, backbone: str = "stdc1", auxiliary: bool = True, spatial_path: bool = False,
        blocks: int = 4
    ) -> None:
        super().__init__()
        context, fused, mid = 128, 256, 64
        self.spatial_path = SpatialPath(context) if spatial_path else None
        detail = context if spatial_path else STDCNet.channels[1]
        self.backbone = STDCNet(backbone, blocks)
        self.context_path = ContextPath(STDCNet.channels, context, nearest_to)
        self.fusion = FeatureFusionModule(detail + context, fused, two_convolutions(fused, reduction=4))
        self.head = SegmentationHead(fused, fused, num_classes)
        if auxiliary:
            for name in ("context32", "context16"):
                self.auxiliary[name] = SegmentationHead(context, mid, num_classes)
            if not spatial_path:
                self.auxiliary["detail"] = DetailHead(detail, mid)
        initialise_he(self)

    def features(self, image: Tensor) -> dict[str, Tensor]:
        stages = self.backbone(image)
        detail = stages[1] if self.spatial_path is None else self.spatial_path(image)
        context = self.context_path(stages)
        return {**context, "detail": detail, "main": self.fusion(detail, context["context16"])}
