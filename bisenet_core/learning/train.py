"""Run a recipe."""

import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import yaml
from lightning_fabric import Fabric
from lightning_fabric.utilities.rank_zero import rank_zero_only
from rich.console import Console

from bisenet_core.errors import InputError
from bisenet_core.files import replacing
from bisenet_core.learning.checkpoint import load_network, read_checkpoint
from bisenet_core.learning.checkpointing import restore
from bisenet_core.learning.data import check_share, workers_within
from bisenet_core.learning.launch import all_or_none, is_first_process, make_fabric
from bisenet_core.learning.learner import set_up
from bisenet_core.learning.loop import train_network
from bisenet_core.learning.pretrained import load_backbone
from bisenet_core.learning.recipe import Recipe
from bisenet_core.learning.run import Run, RunFiles
from bisenet_core.learning.run_guard import RunStoppedError, explain_failures, requeue
from bisenet_core.learning.run_report import RunLogs, RunProgress, RunRecorder
from bisenet_core.learning.run_report.environment import hardware
from bisenet_core.learning.task import Data, Task, task_and_data

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
    callbacks: Sequence[Any] = (),
) -> Path:
    """Train ``recipe`` on the dataset below ``root``; return the checkpoint with the best validation mIoU.

    ``output`` receives best.ckpt where a validation is the best so far, last.ckpt (every ``save_every``
    minutes, after each validation and when the run is stopped), recipe.yaml, report.html and logs/. With
    ``resume`` the run goes on from last.ckpt as if it had never ended, on any number of ``workers`` and
    processes; a new run may begin with the network of the checkpoint ``weights``, or with the trunk of the
    file ``backbone``. ``devices``, ``nodes``, ``accelerator`` and ``strategy`` are those of ``make_fabric``.
    ``callbacks`` may have a method ``on_train_batch_start(learner, iteration)``, which is called before each
    forward pass of training. Without a validation last.ckpt is returned.

    ``InputError`` if ``output`` already holds a run and ``resume`` is not given, or the reverse, or the run
    is of another recipe. ``RunStoppedError`` after a signal, ``TrainingError`` where the run cannot go on.
    """
    whole, trunk = weights or recipe.weights, backbone or recipe.backbone
    recipe = replace(recipe, weights=str(whole), backbone="" if whole else str(trunk))
    files = RunFiles(output, save_every)
    recipe = _recipe_of_the_run(recipe, files.last, resume, weights)
    torch.manual_seed(recipe.seed)
    task, data = task_and_data(recipe, root, workers)
    if not resume:
        _begin(task)
    fabric = make_fabric(devices, nodes, strategy, accelerator, recipe.precision, callbacks)
    check_share(recipe, fabric.world_size)
    with explain_failures(recipe, output), all_or_none(fabric):
        return fabric.launch(_train_here, task, data, files, root, resume)


def _train_here(fabric: Fabric, task: Task, data: Data, files: RunFiles, root: Path, resume: bool) -> Path:
    """What each process of a run does; the path of the best checkpoint."""
    run = _open_run(fabric, task, data, files, root, resume)
    try:
        with run.recorder.recording(), run.stop, workers_within(), run.progress.running(run.done):
            task.prepare(data)
            train_network(run)
    except RunStoppedError as stopped:
        if stopped.signal == signal.SIGUSR1 and fabric.is_global_zero:
            requeue()
        raise
    return files.last if run.best_score is None else files.best


def _open_run(fabric: Fabric, task: Task, data: Data, files: RunFiles, root: Path, resume: bool) -> Run:
    output, first = files.last.parent, fabric.is_global_zero
    if first:
        _write_recipe(task.recipe, output)
    run = Run(set_up(fabric, task), data, files)
    if resume:
        restore(run, files.last)
    run.logs = RunLogs(output, run.done, first)
    run.progress = RunProgress(task.recipe.iterations, Console(stderr=True, quiet=not first))
    processors = hardware(fabric.world_size, fabric.device.type == "cuda")
    run.recorder = RunRecorder(output, root, run.done, processors, first)
    return run


def _recipe_of_the_run(recipe: Recipe, last: Path, resume: bool, weights: Path | None) -> Recipe:
    """``recipe``, or when resuming the run's own, which remembers what it once began with."""
    if resume and not last.exists():
        raise InputError(f"there is nothing to resume: {last} does not exist; start without --resume")
    if resume and weights is not None:
        raise InputError("--weights begins a new run and --resume goes on with one; give one of the two")
    if last.exists() and not resume:
        raise InputError(f"{last} exists; resume that run with --resume or choose another --output")
    if not resume:
        return recipe
    own = read_checkpoint(last).recipe
    _check_same(recipe, own.to_dict(), last)
    return own


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


def _begin(task: Task) -> None:
    """With the whole network or the trunk of another, where the recipe names one."""
    recipe = task.recipe
    if recipe.weights:
        _begin_with(task, Path(recipe.weights))
    if recipe.backbone:
        fit = load_backbone(task.network, recipe.backbone)
        rank_zero_only(print)(f"bisenet: begins with the trunk of {recipe.backbone}: {fit}", file=sys.stderr)


def _begin_with(task: Task, weights: Path) -> None:
    other = read_checkpoint(weights)
    try:
        load_network(task.network, other.state)
    except RuntimeError as error:
        reason = " ".join(str(error).split("\n\t")[1:2]) or " ".join(str(error).split())
        raise InputError(
            f"{weights} does not fit the recipe's network: it holds {_described(other.recipe)}, the recipe "
            f"asks for {_described(task.recipe)}{_advice(other.recipe, task.recipe, weights)} "
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
    with replacing(output / "recipe.yaml", durable=True) as unfinished:
        unfinished.write_text(text)
