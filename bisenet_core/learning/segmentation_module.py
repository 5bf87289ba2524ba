"""The one LightningModule for every network."""

from typing import Any

import lightning
import torch
from torch import Tensor, nn
from torch.nn import functional

from bisenet_core.errors import TrainingError
from bisenet_core.label_space import UNLABELED, label_space_of
from bisenet_core.learning.losses import OhemCrossEntropy
from bisenet_core.learning.recipe import Recipe
from bisenet_core.learning.schedules import poly
from bisenet_core.metrics import ConfusionMatrix
from bisenet_core.models import create_model


class SegmentationModule(lightning.LightningModule):
    """Trains the network of ``recipe`` (as plain values) with OHEM on the main head and on every booster.

    Batches are (image Bx3xHxW float32 normalised, target BxHxW int64 with ``UNLABELED`` ignored).
    """

    def __init__(self, recipe: dict[str, Any]) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.recipe = Recipe.from_dict(recipe)
        self.label_space = label_space_of(self.recipe.dataset)
        self.network = create_model(self.recipe.network, self.label_space.num_classes, **self.recipe.options)
        self.loss = OhemCrossEntropy(self.recipe.ohem_threshold, self.recipe.ohem_min_kept)
        self.confusion = ConfusionMatrix(self.label_space.num_classes, UNLABELED)

    def training_step(self, batch: tuple[Tensor, Tensor], _index: int) -> Tensor:
        image, target = batch
        losses = {head: self.loss(logits, target) for head, logits in self.network(image).items()}
        main = losses.pop("main")
        loss = main + self.recipe.booster_weight * sum(losses.values())
        if not torch.isfinite(loss):
            step = self.global_step
            raise TrainingError(f"the loss is {loss.item()} at iteration {step}; lower the learning rate")
        self.log_dict({"loss": loss, "loss_main": main}, prog_bar=True)
        return loss

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


def parameter_groups(network: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Weight decay on convolution weights only (BiSeNet V2, Section 5.1): not on norms, not on biases."""
    parameters = list(network.parameters())
    return [
        {"params": [p for p in parameters if p.ndim == 4], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim != 4], "weight_decay": 0.0},
    ]
