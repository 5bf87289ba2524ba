"""A task on its devices: what computes an optimiser step, and the moving average of its weights."""

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from bisenet_core.learning.distributed import synchronise_norms
from bisenet_core.learning.optimizer import make_optimizer
from bisenet_core.learning.task import Task


class MovingAverage:
    """Keeps ``average = decay * average + (1 - decay) * weights`` of ``network`` in a network of its own.

    Norms' statistics are averaged as well. The first steps count more, lest what a run begins with stays in:
    at step n ``decay`` is at most (1 + n) / (10 + n), as in TensorFlow.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network, self.decay = deepcopy(network).eval().requires_grad_(False), decay

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Take in the weights of ``network`` after the optimiser's step ``step``, the first of which is 0."""
        share = 1 - min(self.decay, (1 + step) / (10 + step)) if step else 1.0
        averages, weights = _tensors(self.network), _tensors(network)
        torch._foreach_lerp_(averages[True], weights[True], share)
        if averages[False]:  # counts, such as that of a norm's batches
            torch._foreach_copy_(averages[False], weights[False])


def _tensors(network: nn.Module) -> dict[bool, list[Tensor]]:
    """Parameters and buffers, by whether they are of floating point."""
    found: dict[bool, list[Tensor]] = {True: [], False: []}
    for tensor in (*network.parameters(), *network.buffers()):
        found[tensor.is_floating_point()].append(tensor)
    return found


@dataclass
class Learner:
    """``network`` is that of ``task`` as Fabric has set it up: on its device, joined with other processes."""

    fabric: Fabric
    task: Task
    network: Any
    optimizer: Any
    average: MovingAverage | None

    @property
    def validated_network(self) -> nn.Module:
        """The moving average, or without one the network itself: what is validated, saved and exported."""
        return self.task.network if self.average is None else self.average.network


def set_up(fabric: Fabric, task: Task) -> Learner:
    """Bring ``task`` to the devices of ``fabric``, with optimiser and moving average as its recipe says."""
    recipe = task.recipe
    if recipe.sync_batchnorm and fabric.world_size > 1:
        task.network = synchronise_norms(task.network, fabric.device.type == "cpu")
    task.network.train()
    if fabric.device.type == "cpu":  # convolutions of batches are faster so
        task.network.to(memory_format=torch.channels_last)
    network, optimizer = fabric.setup(task.network, make_optimizer(task.network, recipe))
    average = MovingAverage(task.network, recipe.ema_decay) if recipe.ema_decay else None
    return Learner(fabric, task, network, optimizer, average)
