"""The optimiser of a recipe and its learning rates."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn

from bisenet_core.learning.recipe import Recipe
from bisenet_core.learning.schedules import learning_rate_factor

#: Modules whose learning rate is multiplied by ``head_learning_rate``: those behind all shared features.
HEADS = ("head", "auxiliary")


def optimizers(network: nn.Module, recipe: Recipe) -> dict[str, Any]:
    """What Lightning's ``configure_optimizers`` returns: SGD, and its schedule by iterations."""
    optimizer = torch.optim.SGD(
        parameter_groups(network, recipe), lr=recipe.learning_rate, momentum=recipe.momentum
    )
    factors = [_factor(recipe, group["lr"]) for group in optimizer.param_groups]
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, factors)
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def _factor(recipe: Recipe, learning_rate: float) -> Callable[[int], float]:
    """A function rather than an object, whose settings a resumed run would take from the checkpoint."""
    return lambda iteration: learning_rate_factor(
        recipe, iteration, floor=min(recipe.min_learning_rate / learning_rate, 1.0)
    )


def parameter_groups(network: nn.Module, recipe: Recipe) -> list[dict[str, Any]]:
    """``network``'s parameters by weight decay and learning rate, without groups that would be empty.

    The papers let weight decay act on the weights of convolutions only (BiSeNet V2, Section 5.1): not on
    norms, not on biases.
    """
    heads = {id(p) for name in HEADS for p in getattr(network, name, nn.Module()).parameters()}
    rate = recipe.learning_rate
    body = [p for p in network.parameters() if id(p) not in heads]
    others = [p for p in network.parameters() if id(p) in heads]
    groups = [*_by_decay(body, recipe, rate), *_by_decay(others, recipe, rate * recipe.head_learning_rate)]
    return [group for group in groups if group["params"]]


def _by_decay(parameters: Iterable[nn.Parameter], recipe: Recipe, rate: float) -> list[dict[str, Any]]:
    decayed: list[nn.Parameter] = []
    free: list[nn.Parameter] = []
    for parameter in parameters:
        decays = recipe.weight_decay_on == "all" or parameter.ndim == 4
        (decayed if decays else free).append(parameter)
    return [
        {"params": decayed, "lr": rate, "weight_decay": recipe.weight_decay},
        {"params": free, "lr": rate, "weight_decay": 0.0},
    ]
