"""Losses on logits of any resolution."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from bisenet_core.label_space import UNLABELED


class OhemCrossEntropy(nn.Module):
    """Cross-entropy on the hard pixels only (online hard example mining, Shrivastava et al. 2016).

    A labelled pixel is hard where the probability of its true class is below ``threshold``; the
    ``min_kept`` fraction of the labelled pixels with the largest losses counts in any case.
    Logits BxKxhxw are upsampled to the BxHxW int64 target; target ``UNLABELED`` is ignored.
    Without any labelled pixel the loss is 0 with zero gradients rather than NaN.
    """

    def __init__(self, threshold: float = 0.7, min_kept: float = 1 / 16) -> None:
        super().__init__()
        if not (0 < threshold <= 1 and 0 < min_kept <= 1):
            raise ValueError(f"threshold {threshold} and min_kept {min_kept} must be in (0, 1]")
        self.hard_loss = -math.log(threshold)
        self.min_kept = min_kept

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        upsampled = functional.interpolate(
            logits.float(), size=target.shape[-2:], mode="bilinear", align_corners=False
        )
        losses = functional.cross_entropy(upsampled, target, ignore_index=UNLABELED, reduction="none")
        labelled = losses[target != UNLABELED]
        if labelled.numel() == 0:
            return logits.sum() * 0.0
        return self._hardest(labelled).mean()

    def _hardest(self, losses: Tensor) -> Tensor:
        hard = losses[losses > self.hard_loss]
        least = max(1, int(self.min_kept * losses.numel()))
        return hard if hard.numel() >= least else torch.topk(losses, least, sorted=False).values
