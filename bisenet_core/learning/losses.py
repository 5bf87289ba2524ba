"""Losses on logits of any resolution, over the pixels of all processes."""

import math
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, distributed, nn
from torch.nn import functional

from bisenet_core.labels.label_space import UNLABELED
from bisenet_core.learning.distributed import global_mean, global_sum, global_total, world_size
from bisenet_core.learning.teacher import at_soft_pixels

#: Below any loss.
_UNLABELED_LOSS = -1.0


def upsampled(logits: Tensor, target: Tensor) -> Tensor:
    """BxKxhxw logits at the size of the BxHxW target: bilinear with half-pixel centres, as the robot does it.

    In float32 where they are of less; float64 stays float64.
    """
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    return functional.interpolate(logits, size=target.shape[-2:], mode="bilinear", align_corners=False)


class CrossEntropy(nn.Module):
    """Mean cross-entropy of the labelled pixels, each weighted by its class.

    Logits BxKxhxw are upsampled to the BxHxW int64 target; target ``UNLABELED`` is ignored. The weights of
    the pixels, all 1 without ``class_weights`` (K float32), are divided by their sum over all processes.
    Without any labelled pixel the loss is 0 with zero gradients rather than NaN.
    """

    def __init__(self, class_weights: Sequence[float] | None = None) -> None:
        super().__init__()
        # no buffer: a checkpoint's tensors are those of its network
        self.class_weights: Tensor | None = None
        if class_weights is not None:
            self.class_weights = torch.tensor(class_weights, dtype=torch.float32)

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        logits = upsampled(logits, target)
        losses = functional.cross_entropy(logits, target, ignore_index=UNLABELED, reduction="none")
        # masks throughout: to pick the labelled pixels out takes longer than to multiply the others by 0
        weights = self._kept(losses.detach().masked_fill(target == UNLABELED, _UNLABELED_LOSS))
        if self.class_weights is not None:
            classes = target.clamp(max=len(self.class_weights) - 1)
            weights = weights * self.class_weights.to(target.device)[classes]
        return global_mean(losses * weights, weights)

    def _kept(self, losses: Tensor) -> Tensor:
        """Which pixels count, 0 to 1, by their losses, BxHxW with ``_UNLABELED_LOSS``."""
        return (losses > _UNLABELED_LOSS).to(losses.dtype)


def jaccard(logits: Tensor, target: Tensor) -> Tensor:
    """Mean over the classes in the labels of 1 - soft IoU, which cross-entropy only approaches.

    The IoU is that of the softmax probabilities of all labelled pixels of all processes together, so that a
    rare class counts as much as a common one (the soft Jaccard loss that arXiv 2302.05666 begins from).
    Logits and target are those of ``CrossEntropy``; without any labelled pixel it is 0 with zero gradients.
    """
    found = upsampled(logits, target).softmax(1)
    labelled = (target != UNLABELED).to(found.dtype)
    labels = target * (target != UNLABELED)
    own = found.gather(1, labels[:, None])[:, 0] * labelled
    none = found.new_zeros(found.shape[1])
    overlap = global_total(none.index_add(0, labels.flatten(), own.flatten()))
    true = global_sum(none.index_add(0, labels.flatten(), labelled.flatten()))
    predicted = global_total((found * labelled[:, None]).sum((0, 2, 3)))
    losses = 1 - overlap / (predicted + true - overlap).clamp(min=1)
    present = (true > 0).to(found.dtype)
    return (losses * present).sum() / present.sum().clamp(min=1)


def distillation(logits: Tensor, soft: Tensor, temperature: float) -> Tensor:
    """How far a network is from its teacher: the mean Kullback-Leibler divergence, times ``temperature``².

    Logits BxKxhxw are brought to the size of ``soft``, BxKxHxW probabilities at that temperature, and
    softened alike (Hinton et al. 2015, Section 2). A pixel counts as much as its probabilities add up to: not
    at all outside the image.
    """
    found = (upsampled(logits, soft) / temperature).log_softmax(1)
    apart = (torch.xlogy(soft, soft) - soft * found).sum(1)
    return temperature**2 * global_mean(apart, soft.sum(1))


def uncontradicted(soft: Tensor, target: Tensor) -> Tensor:
    """BxKxhxw probabilities, 0 where the BxHxW target names another class than the likeliest.

    What a teacher gets wrong is left to the labels: else a student learns its habits, too, such as seeing no
    sky between the branches of a tree.
    """
    labels = at_soft_pixels(target)[:, None]
    return soft * ((labels == UNLABELED) | (labels == soft.argmax(1, keepdim=True)))


class OhemCrossEntropy(CrossEntropy):
    """Cross-entropy on the hard pixels only (online hard example mining, Shrivastava et al. 2016).

    A labelled pixel is hard where the probability of its true class is below ``threshold``; the
    ``min_kept`` fraction of the labelled pixels with the largest losses counts in any case. Both are found
    among the pixels of all processes and without class weights. For the rest see ``CrossEntropy``.
    """

    def __init__(
        self, threshold: float = 0.7, min_kept: float = 1 / 16, class_weights: Sequence[float] | None = None
    ) -> None:
        super().__init__(class_weights)
        if not (0 < threshold <= 1 and 0 < min_kept <= 1):
            raise ValueError(f"threshold {threshold} and min_kept {min_kept} must be in (0, 1]")
        self.hard_loss = -math.log(threshold)
        self.min_kept = min_kept

    def _kept(self, losses: Tensor) -> Tensor:
        hard = losses > self.hard_loss
        counts = global_sum(torch.stack([hard.sum(), (losses > _UNLABELED_LOSS).sum()]))
        found, labelled = counts.tolist()
        least = min(labelled, max(1, int(self.min_kept * labelled)))
        return hard.to(losses.dtype) if found >= least else _largest(losses.flatten(), least).view_as(losses)


def _largest(losses: Tensor, count: int) -> Tensor:
    """1 for the ``count`` largest of all processes' losses; those that tie for the last places share them."""
    candidates = torch.topk(losses, min(count, losses.numel()), sorted=False).values
    last = torch.topk(_of_all_processes(candidates, count), count, sorted=False).values.min()
    above, ties = losses > last, losses == last
    counts = global_sum(torch.stack([above.sum(), ties.sum()]))
    return above.to(losses.dtype) + ties * ((count - counts[0]) / counts[1])


def _of_all_processes(losses: Tensor, length: int) -> Tensor:
    """At most ``length`` losses of each process in one row."""
    if world_size() == 1:
        return losses
    padded = functional.pad(losses, (0, length - losses.numel()), value=_UNLABELED_LOSS)
    rows = [torch.empty_like(padded) for _ in range(world_size())]
    distributed.all_gather(rows, padded)
    return torch.cat(rows)


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
