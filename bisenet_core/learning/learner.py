"""A task on its devices: what computes an optimiser step."""

from dataclasses import dataclass
from typing import Any

from lightning_fabric import Fabric
from torch import nn

from bisenet_core.learning.distributed import synchronise_norms
from bisenet_core.learning.ema import MovingAverage
from bisenet_core.learning.optimizer import make_optimizer
from bisenet_core.learning.task import Task


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
    network, optimizer = fabric.setup(task.network, make_optimizer(task.network, recipe))
    average = MovingAverage(task.network, recipe.ema_decay) if recipe.ema_decay else None
    return Learner(fabric, task, network, optimizer, average)
