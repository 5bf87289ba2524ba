"""The LightningModule for networks that tell whole images apart."""

from typing import Any

import lightning
import torch
from lightning.pytorch import Callback
from torch import Tensor, nn
from torchmetrics.classification import MulticlassAccuracy

from bisenet_core.errors import InputError, TrainingError
from bisenet_core.learning.ema import MovingAverage
from bisenet_core.learning.optimizer import optimizers
from bisenet_core.learning.recipe import Recipe
from bisenet_core.models import create_model
from bisenet_core.models.registry import is_segmentation


class ClassificationModule(lightning.LightningModule):
    """Trains the network of ``recipe`` (as plain values) with smoothed cross-entropy (STDC, Section 4.2).

    Batches are (image Bx3xHxW float32 normalised, class B int64); ``classes`` are the names of those, kept
    with the weights. Validation logs the shares ``val_top1`` and ``val_top5`` of all processes together.
    ``InputError`` for a network that labels pixels.
    """

    #: What says which checkpoint is best.
    metric = "val_top1"

    def __init__(self, recipe: dict[str, Any], classes: list[str]) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.recipe = Recipe.from_dict(recipe)
        if is_segmentation(self.recipe.network):
            raise InputError(f"network {self.recipe.network} labels pixels; expected one for whole images")
        self.network = create_model(self.recipe.network, len(classes), **self.recipe.options)
        self.loss = nn.CrossEntropyLoss(label_smoothing=self.recipe.label_smoothing)
        self.accuracies = nn.ModuleDict({f"val_top{k}": _accuracy(len(classes), k) for k in (1, 5)})

    def training_step(self, batch: tuple[Tensor, Tensor], _index: int) -> Tensor:
        image, target = batch
        loss = self.loss(self.network(image).float(), target)
        if not torch.isfinite(loss):
            step = self.global_step
            raise TrainingError(f"the loss is {loss.item()} at iteration {step}; lower the learning rate")
        self.log("loss", loss, prog_bar=True)
        return loss

    def validation_step(self, batch: tuple[Tensor, Tensor], _index: int) -> None:
        image, target = batch
        logits = self.network(image).float()
        for accuracy in self.accuracies.values():
            accuracy.update(logits, target)
        self.log_dict(dict(self.accuracies.items()), on_epoch=True, prog_bar=True)

    def configure_optimizers(self) -> dict[str, Any]:
        return optimizers(self.network, self.recipe)

    def configure_callbacks(self) -> list[Callback]:
        return [MovingAverage(self.recipe.ema_decay)] if self.recipe.ema_decay else []


def _accuracy(num_classes: int, best: int) -> MulticlassAccuracy:
    """Share of the images whose class is among the ``best`` most probable ones."""
    return MulticlassAccuracy(num_classes, top_k=min(best, num_classes), average="micro")
