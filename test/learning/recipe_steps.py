"""Recipes at a size that a test affords, and a step of them."""

from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import torch

from bisenet_core.learning.launch import make_fabric
from bisenet_core.learning.learner import set_up
from bisenet_core.learning.loop import evaluate, train_step
from bisenet_core.learning.recipe import Recipe
from bisenet_core.learning.task import task_and_data

RECIPES = {path.stem: path for path in (Path(__file__).parents[2] / "training" / "recipes").glob("*.yaml")}

#: Width and height of what the shrunk recipes train on.
SIDE = 64


def shrunk(name: str, **changes) -> Recipe:
    """The recipe ``name`` with tiny batches and images; all else is its own."""
    recipe = Recipe.load(RECIPES[name])
    sides = {"crop_width": SIDE, "crop_height": SIDE, "input_width": 0, "input_height": 0}
    if recipe.eval_width:
        sides |= {"eval_width": SIDE, "eval_height": SIDE // 2}
    return replace(recipe, **{"batch_size": 2, **sides, **changes})


class Step(NamedTuple):
    """What a step and a validation have measured, and the share of the network's tensors that it changed."""

    metric: str
    measured: dict[str, float]
    share_changed: float


def take_step(recipe: Recipe, root: Path) -> Step:
    """Make the first step after the warm-up, validate one image where the recipe validates; write nothing."""
    torch.manual_seed(recipe.seed)
    task, data = task_and_data(recipe, root, workers=0)
    fabric, iteration = make_fabric(accelerator="cpu", precision=recipe.precision), recipe.warmup_iterations
    learner = set_up(fabric, task)
    task.prepare(data)
    before = [parameter.detach().clone() for parameter in task.network.parameters()]
    losses = train_step(learner, iteration, iter(data.training_batches(fabric, iteration)))
    measured = {name: float(value) for name, value in losses.items()}
    if data.val is not None:
        measured |= evaluate(learner, islice(data.validation_batches(fabric), 1)).metrics()
    after = list(task.network.parameters())
    assert all(torch.isfinite(value).all() for value in after)
    changed = sum(not torch.equal(*pair) for pair in zip(before, after))
    return Step(task.metric, measured, changed / len(after))
