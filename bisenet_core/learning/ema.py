"""An exponential moving average of the weights: what is validated, saved and exported in their place."""

from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import WeightAveraging
from torch import Tensor


class MovingAverage(WeightAveraging):
    """Keeps ``average = decay * average + (1 - decay) * weights`` after each optimiser step.

    Norms' statistics are averaged as well. In a checkpoint ``state_dict`` holds the average, and what an
    exact resume needs besides stands beside it. The first steps count more, lest what a run begins with stays
    in: at step n ``decay`` is at most (1 + n) / (10 + n), as in TensorFlow.
    """

    def __init__(self, decay: float) -> None:
        def update(averages: list[Tensor], weights: list[Tensor], steps: Tensor | int) -> None:
            average(averages, weights, 1 - min(decay, (1 + int(steps)) / (10 + int(steps))))

        super().__init__(multi_avg_fn=update)
        #: whether module and average have changed places, as during a validation
        self.in_use = False

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        # the module itself is moved there only later, and averaging across devices would cost a copy a step
        self._device = trainer.strategy.root_device
        trainer.precision_plugin.convert_module(pl_module)  # nor is it of its type yet
        super().setup(trainer, pl_module, stage)

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        super().on_save_checkpoint(trainer, pl_module, checkpoint)
        if self.in_use:  # Lightning expects no checkpoint to be written amidst a validation
            weights, averages = checkpoint["state_dict"], checkpoint["current_model_state"]
            checkpoint["state_dict"], checkpoint["current_model_state"] = averages, weights

    def _swap_models(self, pl_module: LightningModule) -> None:
        super()._swap_models(pl_module)
        self.in_use = not self.in_use


@torch.no_grad()
def average(averages: list[Any], weights: list[Any], share: float) -> None:
    """Move ``averages``, of one device and type, towards ``weights`` by ``share`` of the way, in place."""
    if averages[0].is_floating_point():
        torch._foreach_lerp_(averages, weights, share)
    else:  # counts, such as that of a norm's batches
        torch._foreach_copy_(averages, weights)
