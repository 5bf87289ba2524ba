"""Detail guidance: a head learns where labels change (STDC, Section 3.2.2)."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional

from bisenet_core.labels.label_space import UNLABELED
from bisenet_core.learning.distributed import global_mean
from bisenet_core.learning.losses import upsampled

#: Weight of the Laplacian of each stride in the sum, in tenths; the sum is held against ``THRESHOLD``.
FUSION = {1: 6, 2: 3, 4: 1}
THRESHOLD = 1


def detail_truth(target: Tensor, strides: Iterable[int] = tuple(FUSION), reading: str = "paper") -> Tensor:
    """Boundaries and corners in labels: BxHxW int64 -> BxHxW bool.

    The Laplacian of the label numbers is taken at each of ``strides``, made binary, up-sampled and summed.
    The weights of the sum are the constants of the public code: it declares them trainable, but no gradient
    passes the threshold. In the ``reading`` "paper" a sum that reaches the threshold is a detail, so every
    stride counts (STDC, Table 4); in that of the public code, "code", it must exceed it, which stride 4 alone
    never does (docs/readings.md). ``UNLABELED`` pixels and what lies outside the image have no difference to
    their neighbours.
    """
    edges = (_laplacian(target) > 0).float()[:, None]
    maps = [
        FUSION[stride]
        * functional.interpolate(edges[..., ::stride, ::stride], size=edges.shape[-2:], mode="nearest")
        for stride in strides
    ]
    fused = torch.stack(maps).sum(0)[:, 0]
    return fused > THRESHOLD if reading == "code" else fused >= THRESHOLD


def _laplacian(target: Tensor) -> Tensor:
    """Sum of the differences to the labelled ones of the eight neighbours, 0 where unlabelled itself."""
    labelled = (target != UNLABELED).float()
    labels = target * labelled
    # pooling instead of a convolution, as mixed precision would round the sums of a convolution
    neighbours = functional.avg_pool2d(
        torch.stack([labelled, labels], dim=1), 3, stride=1, padding=1, divisor_override=1
    )
    count, total = neighbours.unbind(1)
    return labels * count - total * labelled


class DetailLoss(nn.Module):
    """Binary cross-entropy plus Dice loss on ``detail_truth`` (STDC, Equations 4 and 5).

    Logits Bx1xhxw are upsampled to the BxHxW int64 target; target ``UNLABELED`` is ignored. Dice is that of
    each image, then averaged; both averages are over all processes. Without any labelled pixel the loss is 0
    with zero gradients.
    """

    def __init__(self, strides: Iterable[int] = tuple(FUSION), reading: str = "paper") -> None:
        super().__init__()
        self.strides, self.reading = strides, reading
        self.epsilon = 1.0  # Equation 5

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        logits = upsampled(logits, target)[:, 0]
        labelled = (target != UNLABELED).to(logits.dtype)
        truth = detail_truth(target, self.strides, self.reading).to(logits.dtype)
        losses = functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
        cross_entropy = global_mean(losses * labelled, labelled)
        return cross_entropy + self._dice(logits.sigmoid() * labelled, truth * labelled)

    def _dice(self, predicted: Tensor, truth: Tensor) -> Tensor:
        overlap = (predicted * truth).sum(dim=(1, 2))
        sizes = predicted.square().sum(dim=(1, 2)) + truth.square().sum(dim=(1, 2))
        dice = 1 - (2 * overlap + self.epsilon) / (sizes + self.epsilon)
        return global_mean(dice, torch.ones_like(dice))
