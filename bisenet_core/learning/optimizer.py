"""The optimiser of a recipe and its learning rates, which are pure functions of the iteration."""

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from bisenet_core.learning.recipe import Recipe

#: Modules behind all shared features.
HEADS = ("head", "auxiliary")
#: Modules whose learning rate is multiplied by ``head_learning_rate``: heads and Feature Fusion, as in the
#: code of STDC's authors and in the public code of BiSeNet V1 that theirs began from.
FASTER = (*HEADS, "fusion")


def make_optimizer(network: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """SGD or AdamW, of which every group keeps its largest learning rate in ``initial_lr``."""
    groups = [{**group, "initial_lr": group["lr"]} for group in parameter_groups(network, recipe)]
    if recipe.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=recipe.learning_rate)
    return torch.optim.SGD(groups, lr=recipe.learning_rate, momentum=recipe.momentum)


def set_learning_rates(optimizer: Any, recipe: Recipe, iteration: int) -> None:
    """Give every group of ``optimizer`` its learning rate at ``iteration``."""
    for group in optimizer.param_groups:
        floor = min(recipe.min_learning_rate / group["initial_lr"], 1.0)
        group["lr"] = group["initial_lr"] * learning_rate_factor(recipe, iteration, floor)


def learning_rates(optimizer: Any) -> dict[str, float]:
    """The learning rate of each group by the name it has in the logs."""
    rates = [group["lr"] for group in optimizer.param_groups]
    name = "lr-" + type(optimizer).__name__.removeprefix("Fabric")
    if len(rates) == 1:
        return {name: rates[0]}
    return {f"{name}/pg{number}": rate for number, rate in enumerate(rates, 1)}


def parameter_groups(network: nn.Module, recipe: Recipe) -> list[dict[str, Any]]:
    """``network``'s parameters by weight decay and learning rate, without groups that would be empty.

    The papers let weight decay act on the weights of convolutions only (BiSeNet V2, Section 5.1): not on
    norms, not on biases.
    """
    faster = {id(p) for name in FASTER for p in getattr(network, name, nn.Module()).parameters()}
    rate = recipe.learning_rate
    body = [p for p in network.parameters() if id(p) not in faster]
    others = [p for p in network.parameters() if id(p) in faster]
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


def learning_rate_factor(recipe: Recipe, iteration: int, floor: float = 0.0) -> float:
    """Factor of the learning rate at ``iteration`` of ``recipe``, the schedule's times the warm-up's."""
    if recipe.schedule == "cosine":
        scheduled = cosine(iteration, recipe.iterations, floor)
    else:
        scheduled = poly(iteration, recipe.iterations, recipe.poly_power, floor)
    return scheduled * warmup(iteration, recipe.warmup_iterations, recipe.warmup_start)


def poly(iteration: int, total: int, power: float = 0.9, floor: float = 0.0) -> float:
    """Factor of the learning rate at ``iteration`` of ``total``: (1 - iteration / total) ** power.

    That is the "poly" strategy of BiSeNet V2 (Section 5.1). It ends at ``floor``, as in mmsegmentation:
    (1 - floor) * factor + floor.
    """
    return floor + (1 - floor) * (1 - _progress(iteration, total)) ** power


def cosine(iteration: int, total: int, floor: float = 0.0) -> float:
    """Factor of the learning rate at ``iteration`` of ``total``: half a wave from 1 to ``floor``."""
    return floor + (1 - floor) * (1 + math.cos(math.pi * _progress(iteration, total))) / 2


def warmup(iteration: int, length: int, start: float = 0.0) -> float:
    """Rises linearly from ``start`` at iteration 0 to 1 at iteration ``length``."""
    return 1.0 if iteration >= length else start + (1 - start) * iteration / length


def _progress(iteration: int, total: int) -> float:
    return min(iteration, total) / total
