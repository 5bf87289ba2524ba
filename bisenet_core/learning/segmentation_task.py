"""Learning to label pixels: a network, its losses and its validation."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from bisenet_core.errors import InputError
from bisenet_core.labels.label_space import LabelSpace, label_space_of
from bisenet_core.learning.checkpoint import label_space_values
from bisenet_core.learning.distributed import gathered, world_size
from bisenet_core.learning.losses import (
    CrossEntropy,
    DetailLoss,
    OhemCrossEntropy,
    distillation,
    jaccard,
    uncontradicted,
    upsampled,
)
from bisenet_core.learning.recipe import Recipe
from bisenet_core.learning.scores import SegmentationScore
from bisenet_core.models import create_model
from bisenet_core.models.layers import SegmentationNetwork


class SegmentationTask:
    """The network of ``recipe`` in training; where it has detail heads, they learn boundaries of labels.

    Batches are (image Bx3xHxW float32 normalised, target BxHxW int64 with ``UNLABELED`` ignored), in
    validation with the images' indices, B, besides. ``InputError`` for a network that does not label pixels,
    and for class weights of another number or smoothed labels.
    """

    #: What says which checkpoint is best.
    metric = "val_miou"

    def __init__(self, recipe: Recipe, label_space: LabelSpace | None = None) -> None:
        if recipe.label_smoothing:
            raise InputError("setting 'label_smoothing' is for networks that label images; leave it out")
        self.recipe, self.label_space = recipe, label_space or label_space_of(recipe.dataset)
        self.network = _network(recipe, self.label_space.num_classes)
        self.loss = _loss(recipe, self.label_space.num_classes)
        self.detail_loss = DetailLoss(recipe.detail_strides, recipe.detail_truth)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names by class id."""
        return self.label_space.classes

    @property
    def hyper_parameters(self) -> dict[str, Any]:
        """What a checkpoint keeps, as plain values, for the task to be made again."""
        return {"recipe": self.recipe.to_dict(), "label_space": label_space_values(self.label_space)}

    @property
    def class_weights(self) -> Tensor | None:
        """Of the loss, K float32."""
        return self.loss.class_weights

    @class_weights.setter
    def class_weights(self, weights: Tensor | None) -> None:
        self.loss.class_weights = weights

    def prepare(self, data: Any) -> None:
        """Count the classes' pixels in ``data`` where the recipe weighs classes by them."""
        if self.recipe.class_weights == "inverse_log" and self.class_weights is None:
            counts = count_pixels(data.training_pairs, self.label_space.num_classes, data.workers)
            self.class_weights = torch.tensor(inverse_log(counts))

    def losses(
        self, outputs: dict[str, Tensor], target: Tensor, soft: Tensor | None = None
    ) -> dict[str, Tensor]:
        """That of each head of the network, ``loss_HEAD``, and before them their weighted sum, ``loss``.

        The main head has a Jaccard loss, too, where the recipe weighs it, and, with a teacher's probabilities
        ``soft``, BxKxhxw, the distance from them where no label contradicts them.
        """
        details, recipe = self.network.detail_heads, self.recipe
        weights = {**dict.fromkeys(self.network.auxiliary, recipe.auxiliary_weight),
                   **dict.fromkeys(details, recipe.detail_weight)}  # fmt: skip
        found = {head: (self.detail_loss if head in details else self.loss)(logits, target)
                 for head, logits in outputs.items()}  # fmt: skip
        if recipe.jaccard_weight:
            found["jaccard"], weights["jaccard"] = jaccard(outputs["main"], target), recipe.jaccard_weight
        if soft is not None:
            soft = uncontradicted(soft, target)
            found["teacher"] = distillation(outputs["main"], soft, recipe.teacher_temperature)
            weights["teacher"] = recipe.teacher_weight
        total = sum(weights.get(name, 1.0) * value for name, value in found.items())
        return {"loss": total, **{f"loss_{head}": value for head, value in found.items()}}

    def new_score(self) -> SegmentationScore:
        return SegmentationScore(self.label_space.num_classes)

    def score_batch(
        self, score: SegmentationScore, network: nn.Module, image: Tensor, target: Tensor, indices: Tensor
    ) -> None:
        """Add the labels that ``network``, of this task, gives a validation batch to ``score``."""
        score.update(labelled(network, image, self.recipe, target), target, indices)


def labelled(network: nn.Module, image: Tensor, recipe: Recipe, target: Tensor) -> Tensor:
    """Class ids BxHxW of images seen at the size that ``recipe`` validates at, at that of ``target``."""
    if recipe.eval_size is not None:
        size = recipe.eval_size[::-1]
        image = functional.interpolate(image, size=size, mode="bilinear", align_corners=False)
    return upsampled(network(image), target).argmax(1)


def _loss(recipe: Recipe, num_classes: int) -> CrossEntropy:
    weights = None if isinstance(recipe.class_weights, str) else recipe.class_weights
    if weights is not None and len(weights) != num_classes:
        raise InputError(
            f"setting 'class_weights' has {len(weights)} numbers; expected {num_classes}, one for each class"
        )
    if recipe.loss == "cross_entropy":
        return CrossEntropy(weights)
    return OhemCrossEntropy(recipe.ohem_threshold, recipe.ohem_min_kept, weights)


def _network(recipe: Recipe, num_classes: int) -> SegmentationNetwork:
    network = create_model(recipe.network, num_classes, **recipe.options)
    if not isinstance(network, SegmentationNetwork):
        raise InputError(f"network {recipe.network} labels whole images; expected one that labels pixels")
    return network


class PixelCounts(Dataset):
    """int64 K: labelled pixels of each class in each sample (image, labels HxW uint8) of ``dataset``."""

    def __init__(self, dataset: Any, num_classes: int) -> None:
        self.dataset, self.num_classes = dataset, num_classes

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> np.ndarray:
        return np.bincount(self.dataset[index][1].ravel(), minlength=256)[: self.num_classes]


def count_pixels(dataset: Any, num_classes: int, workers: int = 0) -> Tensor:
    """int64 K: labelled pixels of each class in all of ``dataset``; each process of a run reads its share."""
    rank = torch.distributed.get_rank() if world_size() > 1 else 0
    own = range(rank, len(dataset), world_size())
    loader = DataLoader(PixelCounts(dataset, num_classes), batch_size=None, sampler=own, num_workers=workers)
    return sum(gathered(sum(loader, torch.zeros(num_classes, dtype=torch.int64))))


def inverse_log(counts: Sequence[int] | Tensor) -> list[float]:
    """1 / ln(1.02 + p) for each class, p being its share of the labelled pixels (ENet, Section 5.1).

    From 50 for a class that does not occur to 1.4 for one that is everything.
    """
    pixels = torch.as_tensor(counts, dtype=torch.float64)
    shares = pixels / pixels.sum().clamp(min=1)
    return (1 / torch.log(1.02 + shares)).tolist()
