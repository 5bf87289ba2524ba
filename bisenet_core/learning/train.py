"""Run a recipe."""

import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import lightning
import yaml
from lightning.pytorch.callbacks import Callback, LearningRateMonitor
from lightning.pytorch.utilities import rank_zero_only

from bisenet_core.errors import InputError
from bisenet_core.learning.checkpoint import read_checkpoint
from bisenet_core.learning.checkpointing import AtomicCheckpointIO, RunCheckpoints, write_atomically
from bisenet_core.learning.data_module import RunData, check_share, workers_within
from bisenet_core.learning.distributed import SynchronisedBatchNorm
from bisenet_core.learning.launch import AllOrNone, is_first_process, make_trainer
from bisenet_core.learning.loop_state import StepSeeds
from bisenet_core.learning.pretrained import load_backbone
from bisenet_core.learning.recipe import Recipe
from bisenet_core.learning.run_guard import RunStoppedError, StopSignals, one_clear_line, requeue
from bisenet_core.learning.run_report import RunReport, loggers, progress_bar
from bisenet_core.learning.task import Module, module_and_data

__all__ = ["RunStoppedError", "is_first_process", "train"]


def train(
    recipe: Recipe,
    root: Path,
    output: Path,
    *,
    resume: bool = False,
    workers: int = 1,
    weights: Path | None = None,
    backbone: Path | None = None,
    devices: str | int = "auto",
    nodes: int | None = None,
    accelerator: str = "auto",
    strategy: str = "auto",
    save_every: float = 10.0,
    callbacks: Sequence[Callback] = (),
) -> Path:
    """Train ``recipe`` on the dataset below ``root``; return the checkpoint with the best validation mIoU.

    ``output`` receives best.ckpt, last.ckpt (see ``RunCheckpoints``; every ``save_every`` minutes),
    recipe.yaml, report.html and logs/. With ``resume`` the run goes on from
    last.ckpt as if it had never ended, on any number of ``workers`` and processes; a new run may begin with
    the network of the checkpoint ``weights``, or with the trunk of the file ``backbone``. ``devices``,
    ``nodes`` and ``strategy`` are those of ``make_trainer``. Without a validation last.ckpt is returned.

    ``InputError`` if ``output`` already holds a run and ``resume`` is not given, or the reverse, or the run
    is of another recipe. ``RunStoppedError`` after a signal, ``TrainingError`` where the run cannot go on.
    """
    whole, trunk = weights or recipe.weights, backbone or recipe.backbone
    recipe = replace(recipe, weights=str(whole), backbone="" if whole else str(trunk))
    recipe, done = _where_to_begin(recipe, output / "last.ckpt", resume, weights)
    lightning.seed_everything(recipe.seed, workers=True, verbose=False)
    module, data = module_and_data(recipe, root, workers)
    if not resume:
        _begin(module)
    stop = StopSignals()
    checkpoints = RunCheckpoints(output, stop, data.iterations_per_epoch, save_every, module.metric)
    trainer = make_trainer(
        devices, nodes, strategy, accelerator=accelerator, **_settings(recipe, data, output, done),
        callbacks=[
            AllOrNone(), StepSeeds(recipe.seed), *callbacks, stop, checkpoints, LearningRateMonitor("step"),
            RunReport(output, root), progress_bar(),
        ],
    )  # fmt: skip
    check_share(recipe, trainer.world_size)
    with one_clear_line(recipe, output), workers_within():
        if trainer.is_global_zero:
            _write_recipe(recipe, output)
        _fit(trainer, module, data, checkpoints.last if resume else None)
    return checkpoints.last if checkpoints.best_score is None else checkpoints.best


def _fit(trainer: lightning.Trainer, module: Any, data: RunData, begin_at: Path | None) -> None:
    try:
        trainer.fit(module, data, ckpt_path=begin_at)
    except SystemExit:  # what Lightning makes of a Ctrl-C
        raise KeyboardInterrupt from None
    except RunStoppedError as stopped:
        if stopped.signal == signal.SIGUSR1 and trainer.is_global_zero:
            requeue()
        raise


def _where_to_begin(recipe: Recipe, last: Path, resume: bool, weights: Path | None) -> tuple[Recipe, int]:
    """The recipe of the run, which remembers what it once began with, and the iterations it has made."""
    if resume and not last.exists():
        raise InputError(f"there is nothing to resume: {last} does not exist; start without --resume")
    if resume and weights is not None:
        raise InputError("--weights begins a new run and --resume goes on with one; give one of the two")
    if last.exists() and not resume:
        raise InputError(f"{last} exists; resume that run with --resume or choose another --output")
    if not resume:
        return recipe, 0
    checkpoint = read_checkpoint(last)
    _check_same(recipe, checkpoint.recipe.to_dict(), last)
    return checkpoint.recipe, checkpoint.progress["iterations"]


def _check_same(recipe: Recipe, before: dict[str, Any], last: Path) -> None:
    changes = [
        f"{key} was {before[key]!r} and is {value!r}"
        for key, value in recipe.to_dict().items()
        if before[key] != value and key not in ("weights", "backbone")  # which only a run's first step sees
    ]
    if changes:
        raise InputError(
            f"{last} is of another recipe: {'; '.join(changes)}; give its own, or begin a new run with "
            f"--weights {last} and another --output"
        )


def _begin(module: Module) -> None:
    """With the whole network or the trunk of another, where the recipe names one."""
    recipe = module.recipe
    if recipe.weights:
        _begin_with(module, Path(recipe.weights))
    if recipe.backbone:
        fit = load_backbone(module.network, recipe.backbone)
        rank_zero_only(print)(f"bisenet: begins with the trunk of {recipe.backbone}: {fit}", file=sys.stderr)


def _begin_with(module: Module, weights: Path) -> None:
    other = read_checkpoint(weights)
    try:
        module.load_state_dict(other.state)
    except RuntimeError as error:
        reason = " ".join(str(error).split("\n\t")[1:2]) or " ".join(str(error).split())
        raise InputError(
            f"{weights} does not fit the recipe's network: it holds {_described(other.recipe)}, the recipe "
            f"asks for {_described(module.recipe)}{_advice(other.recipe, module.recipe, weights)} "
            f"({reason.strip()[:200]})"
        ) from None


def _advice(one: Recipe, other: Recipe, weights: Path) -> str:
    if (one.network, one.options) != (other.network, other.options):
        return ""
    return f"; --backbone {weights} takes all but what depends on the classes"


def _described(recipe: Recipe) -> str:
    options = "".join(f" {key}={value}" for key, value in recipe.options.items())
    return f"{recipe.network}{options} for {recipe.dataset}"


def _write_recipe(recipe: Recipe, output: Path) -> None:
    output.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump(recipe.to_dict(), sort_keys=False)
    write_atomically(output / "recipe.yaml", text.encode())


def _settings(recipe: Recipe, data: RunData, output: Path, done: int) -> dict[str, Any]:
    """Of a run that is one epoch to Lightning: no pause between epochs, and one progress to resume."""
    every = recipe.validate_every_epochs * data.iterations_per_epoch * recipe.accumulate
    return {
        "max_steps": recipe.iterations,
        "max_epochs": -1,
        "accumulate_grad_batches": recipe.accumulate,
        "val_check_interval": every,
        "check_val_every_n_epoch": None,
        "limit_val_batches": None if data.val is not None else 0,
        "precision": recipe.precision,
        "gradient_clip_val": recipe.gradient_clip or None,
        "use_distributed_sampler": False,  # data_module divides the samples
        "plugins": [AtomicCheckpointIO(), *([SynchronisedBatchNorm()] if recipe.sync_batchnorm else [])],
        "logger": loggers(output, done),
        "log_every_n_steps": min(10, recipe.iterations),
        "default_root_dir": output,
        "enable_model_summary": False,
    }
