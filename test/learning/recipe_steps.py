"""Recipes at a size that a test affords, and the steps of them."""

from dataclasses import replace
from pathlib import Path

import lightning
import torch

from bisenet_core.learning.recipe import Recipe
from bisenet_core.learning.task import module_and_data

RECIPES = {path.stem: path for path in (Path(__file__).parents[2] / "training" / "recipes").glob("*.yaml")}

#: Width and height of what the shrunk recipes train on.
SIDE = 64
STEPS = 2


def shrunk(name: str, **changes) -> Recipe:
    """The recipe ``name`` with tiny batches and images; all else is its own."""
    recipe = Recipe.load(RECIPES[name])
    sides = {"crop_width": SIDE, "crop_height": SIDE, "input_width": 0, "input_height": 0}
    if recipe.eval_width:
        sides |= {"eval_width": SIDE, "eval_height": SIDE // 2}
    return replace(recipe, **{"batch_size": 2, **sides, **changes})


def run_steps(recipe: Recipe, root: Path, steps: int = STEPS) -> lightning.Trainer:
    """Train for ``steps``, validate one image where the recipe validates; nothing is written."""
    lightning.seed_everything(recipe.seed, verbose=False)
    module, data = module_and_data(recipe, root, workers=0)
    trainer = lightning.Trainer(
        max_steps=steps, accelerator="cpu", precision=recipe.precision, val_check_interval=steps,
        check_val_every_n_epoch=None, limit_val_batches=1 if recipe.val_split else 0, num_sanity_val_steps=0,
        gradient_clip_val=recipe.gradient_clip or None, use_distributed_sampler=False, logger=False,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    module.before = {name: value.detach().clone() for name, value in module.network.named_parameters()}
    trainer.fit(module, data)
    return trainer


def share_changed(trainer: lightning.Trainer) -> float:
    """Share of the network's tensors that training has changed."""
    module = trainer.lightning_module
    after = dict(module.network.named_parameters())
    assert all(torch.isfinite(value).all() for value in after.values())
    return sum(not torch.equal(after[name], value) for name, value in module.before.items()) / len(after)
