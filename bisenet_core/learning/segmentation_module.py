"""The one LightningModule for every network."""

from typing import Any

import lightning
import torch
from torch import Tensor, nn
from torch.nn import functional

from bisenet_core.errors import InputError, TrainingError
from bisenet_core.label_space import UNLABELED, label_space_of
from bisenet_core.learning.detail_loss import DetailLoss
from bisenet_core.learning.losses import OhemCrossEntropy
from bisenet_core.learning.recipe import Recipe
from bisenet_core.learning.schedules import poly
from bisenet_core.metrics import ConfusionMatrix
from bisenet_core.models import create_model
from bisenet_core.models.network import SegmentationNetwork


class SegmentationModule(lightning.LightningModule):
    """Trains the network of ``recipe`` (as plain values) with OHEM, and with detail loss on detail heads.

    Batches are (image Bx3xHxW float32 normalised, target BxHxW int64 with ``UNLABELED`` ignored).
    ``InputError`` for a network that does not label pixels.
    """

    def __init__(self, recipe: dict[str, Any]) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.recipe = Recipe.from_dict(recipe)
        self.label_space = label_space_of(self.recipe.dataset)
        self.network = _network(self.recipe, self.label_space.num_classes)
        self.loss = OhemCrossEntropy(self.recipe.ohem_threshold, self.recipe.ohem_min_kept)
        self.detail_loss = DetailLoss()
        self.confusion = ConfusionMatrix(self.label_space.num_classes, UNLABELED)

    def training_step(self, batch: tuple[Tensor, Tensor], _index: int) -> Tensor:
        image, target = batch
        losses = {head: self._loss_of(head)(out, target) for head, out in self.network(image).items()}
        main = losses.pop("main")
        loss = main + self.recipe.booster_weight * sum(losses.values())
        if not torch.isfinite(loss):
            step = self.global_step
            raise TrainingError(f"the loss is {loss.item()} at iteration {step}; lower the learning rate")
        self.log_dict({"loss": loss, "loss_main": main}, prog_bar=True)
        return loss

    def _loss_of(self, head: str) -> nn.Module:
        return self.detail_loss if head in self.network.detail_heads else self.loss

    def on_validation_epoch_start(self) -> None:
        self.confusion = ConfusionMatrix(self.label_space.num_classes, UNLABELED)

    def validation_step(self, batch: tuple[Tensor, Tensor], _index: int) -> None:
        image, target = batch
        logits = functional.interpolate(
            self.network(image).float(), size=target.shape[-2:], mode="bilinear", align_corners=False
        )
        self.confusion.update(logits.argmax(1).byte().cpu().numpy(), target.byte().cpu().numpy())

    def on_validation_epoch_end(self) -> None:
        self.log("val_miou", float(self.confusion.miou()), prog_bar=True)

    def configure_optimizers(self) -> dict[str, Any]:
        recipe = self.recipe
        groups = parameter_groups(self.network, recipe.weight_decay)
        optimizer = torch.optim.SGD(groups, lr=recipe.learning_rate, momentum=recipe.momentum)
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer,
            lambda step: poly(step, recipe.iterations, recipe.poly_power, recipe.warmup_iterations),
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def _network(recipe: Recipe, num_classes: int) -> SegmentationNetwork:
    network = create_model(recipe.network, num_classes, **recipe.options)
    if not isinstance(network, SegmentationNetwork):
        raise InputError(f"network {recipe.network} labels whole images; expected one that labels pixels")
    return network


def parameter_groups(network: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Weight decay on convolution weights only (BiSeNet V2, Section 5.1): not on norms, not on biases."""
    parameters = list(network.parameters())
    return [
        {"params": [p for p in parameters if p.ndim == 4], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim != 4], "weight_decay": 0.0},
    ]
