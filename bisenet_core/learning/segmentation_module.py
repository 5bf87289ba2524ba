"""The one LightningModule for every network that labels pixels."""

from typing import Any

import lightning
import torch
from lightning.pytorch import Callback
from torch import Tensor, nn
from torch.nn import functional

from bisenet_core.errors import InputError, TrainingError
from bisenet_core.labels.label_space import label_space_of
from bisenet_core.labels.metrics import ConfusionMatrix
from bisenet_core.learning.class_weights import count_pixels, inverse_log
from bisenet_core.learning.detail_loss import DetailLoss
from bisenet_core.learning.distributed import mean_over_processes
from bisenet_core.learning.ema import MovingAverage
from bisenet_core.learning.losses import CrossEntropy, OhemCrossEntropy, upsampled
from bisenet_core.learning.optimizer import optimizers
from bisenet_core.learning.recipe import Recipe
from bisenet_core.learning.saved_label_space import label_space_from
from bisenet_core.learning.validation_score import ValidationScore
from bisenet_core.models import create_model
from bisenet_core.models.network import SegmentationNetwork


class SegmentationModule(lightning.LightningModule):
    """Trains the network of ``recipe`` (as plain values), and with detail loss its detail heads.

    ``label_space`` (``label_space_values``) is that of the data, by default that of the recipe's data set;
    both are kept in checkpoints. Batches are (image Bx3xHxW float32 normalised,
    target BxHxW int64 with ``UNLABELED`` ignored), in validation with the images' indices, B, besides.
    ``InputError`` for a network that does not label pixels, and for class weights of another number.
    """

    #: What says which checkpoint is best.
    metric = "val_miou"

    def __init__(self, recipe: dict[str, Any], label_space: dict[str, Any] | None = None) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.recipe = Recipe.from_dict(recipe)
        self.label_space = (
            label_space_of(self.recipe.dataset) if label_space is None else label_space_from(label_space)
        )
        self.network = _network(self.recipe, self.label_space.num_classes)
        self.loss = _loss(self.recipe, self.label_space.num_classes)
        self.detail_loss = DetailLoss()
        self.score = ValidationScore(self.label_space.num_classes)

    def training_step(self, batch: tuple[Tensor, Tensor], _index: int) -> Tensor:
        image, target = batch
        losses = {head: self._loss_of(head)(out, target) for head, out in self.network(image).items()}
        loss = sum(self._weight_of(head) * value for head, value in losses.items())
        total, *parts = mean_over_processes(torch.stack([loss, *losses.values()]))
        if not torch.isfinite(total):
            step = self.global_step
            raise TrainingError(f"the loss is {total.item()} at iteration {step}; lower the learning rate")
        self.log_dict({"loss": total, **{f"loss_{head}": part for head, part in zip(losses, parts)}})
        return loss

    def _loss_of(self, head: str) -> nn.Module:
        return self.detail_loss if head in self.network.detail_heads else self.loss

    def _weight_of(self, head: str) -> float:
        if head in self.network.detail_heads:
            return self.recipe.detail_weight
        return self.recipe.auxiliary_weight if head in self.network.auxiliary else 1.0

    def on_fit_start(self) -> None:
        if self.recipe.class_weights == "inverse_log" and self.loss.class_weights is None:
            data = self.trainer.datamodule
            counts = count_pixels(data.training_pairs, self.label_space.num_classes, data.workers)
            self.loss.class_weights = torch.tensor(inverse_log(counts))

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["class_weights"] = self.loss.class_weights

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.loss.class_weights = checkpoint.get("class_weights")  # counting pixels again would take minutes

    def on_validation_epoch_start(self) -> None:
        self.score = ValidationScore(self.label_space.num_classes)

    def validation_step(self, batch: tuple[Tensor, Tensor, Tensor], _index: int) -> None:
        image, target, indices = batch
        if self.recipe.eval_size is not None:
            size = self.recipe.eval_size[::-1]
            image = functional.interpolate(image, size=size, mode="bilinear", align_corners=False)
        logits = upsampled(self.network(image), target)
        self.score.update(logits.argmax(1), target, indices)

    def on_validation_epoch_end(self) -> None:
        self.score.merge_processes()
        scores = {"val_miou": self.confusion.miou(), "val_pixel_accuracy": self.confusion.pixel_accuracy()}
        self.log_dict(scores, prog_bar=True, sync_dist=True)

    @property
    def confusion(self) -> ConfusionMatrix:
        """Counts of the last validation, over all processes once it has ended."""
        return self.score.confusion

    @property
    def val_image_miou(self) -> dict[int, float]:
        """Mean IoU of each image of the last validation by its index; without those that have no labels."""
        return self.score.image_miou

    def configure_optimizers(self) -> dict[str, Any]:
        return optimizers(self.network, self.recipe)

    def configure_callbacks(self) -> list[Callback]:
        return [MovingAverage(self.recipe.ema_decay)] if self.recipe.ema_decay else []


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
