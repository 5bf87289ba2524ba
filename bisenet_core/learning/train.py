"""Run a recipe."""

import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from lightning_fabric import Fabric
from lightning_fabric.utilities.rank_zero import rank_zero_only
from rich.console import Console

from bisenet_core.errors import InputError, printable
from bisenet_core.files import replacing
from bisenet_core.learning.checkpoint import (
    Checkpoint,
    check_same_classes,
    check_same_files,
    load_network,
    network_state,
    read_checkpoint,
)
from bisenet_core.learning.data import SegmentationData, check_share, workers_within
from bisenet_core.learning.launch import all_or_none, is_first_process, make_fabric
from bisenet_core.learning.learner import set_up
from bisenet_core.learning.loop import train_network
from bisenet_core.learning.pretrained import load_backbone, read_trained, refresh_norms, trained_place
from bisenet_core.learning.recipe import Recipe
from bisenet_core.learning.recipe_checks import check
from bisenet_core.learning.run import Run, RunFiles, restore
from bisenet_core.learning.run_guard import RunStoppedError, explain_failures, requeue
from bisenet_core.learning.run_report.metrics_file import RunLogs
from bisenet_core.learning.run_report.progress import RunProgress
from bisenet_core.learning.run_report.recorder import RunRecorder
from bisenet_core.learning.run_report.run_record import hardware
from bisenet_core.learning.soft_labels import taught
from bisenet_core.learning.task import Data, Task, task_and_data
from bisenet_core.models.registry import all_options

__all__ = ["RunStoppedError", "is_first_process", "train"]

#: Settings that only a run's first step sees.
_BEGINNING = ("weights", "weights_splits", "backbone")
#: Where things lie whose content is compared instead.
_PLACES = ("teacher", "unlabelled")
#: Training images on which the norms of a model folder are measured.
_MEASURED = 16


def train(
    recipe: Recipe, root: Path, output: Path, *, resume: bool = False, changed_data: bool = False,
    workers: int = 1, weights: Path | None = None, backbone: Path | None = None, teacher: Path | None = None,
    teacher_cache: Path | None = None, unlabelled: Sequence[Path] = (), devices: str | int = "auto",
    nodes: int | None = None, accelerator: str = "auto", strategy: str = "auto", save_every: float = 10.0,
    callbacks: Sequence[Any] = ()
) -> Path:
    """Train ``recipe`` on the dataset below ``root``; return the checkpoint with the best validation mIoU.

    With ``resume`` the run goes on from last.ckpt as if it had never ended, on any number of ``workers`` and
    processes, and with ``changed_data`` also where files have come or gone since; a new run may begin with
    the network of the checkpoint ``weights``, or with the trunk of the file ``backbone``. ``teacher`` and
    ``unlabelled`` replace those of the recipe; what the teacher says of the images is kept in
    ``teacher_cache``, by default the folder teacher/ of ``output``. ``callbacks`` may have a method
    ``on_train_batch_start(learner, iteration)``, which is called before each forward pass of training.

    ``InputError`` if ``output`` already holds a run and ``resume`` is not given, or the reverse, or the run
    is of another recipe or other data. ``RunStoppedError`` after a signal, ``TrainingError`` where the run
    cannot go on.
    """
    if weights and backbone:
        raise InputError("--weights gives a whole network and --backbone a trunk; give one of them")
    whole, trunk = weights or ("" if backbone else recipe.weights), backbone or recipe.backbone
    recipe = replace(
        recipe, weights=str(whole), backbone="" if whole else str(trunk),
        teacher=str(teacher or recipe.teacher), unlabelled=tuple(map(str, unlabelled)) or recipe.unlabelled
    )
    check(recipe)
    files = RunFiles(output, save_every)
    before = _run_to_go_on(recipe, files, resume, {"weights": weights, "backbone": backbone})
    if before is None:
        recipe = _note_splits_of_weights(recipe)
    else:  # the run's recipe, with the places that are given now
        places = {key: getattr(recipe, key) or getattr(before.recipe, key) for key in _PLACES}
        recipe = replace(before.recipe, **places)
    torch.manual_seed(recipe.seed)
    task, data = task_and_data(recipe, root, workers)
    if before is None:
        _begin(task, data)
        data.check_labels()
    else:
        _check_same_data(before, task, data, files.last, changed_data)
    fabric = make_fabric(devices, nodes, strategy, accelerator, recipe.precision, callbacks)
    check_share(recipe, fabric.world_size)
    with explain_failures(recipe, output), all_or_none(fabric):
        cache = teacher_cache or output / "teacher"
        return fabric.launch(_train_here, task, data, files, root, resume, cache)


def _train_here(
    fabric: Fabric, task: Task, data: Data, files: RunFiles, root: Path, resume: bool, teacher_cache: Path
) -> Path:
    """Train in this process, one of the run's; return the path of the best checkpoint."""
    if task.recipe.teacher and isinstance(data, SegmentationData):
        data.train.soft = taught(task.recipe, data.train, task.classes, teacher_cache, fabric)
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


def _run_to_go_on(
    recipe: Recipe, files: RunFiles, resume: bool, begins: dict[str, Path | None]
) -> Checkpoint | None:
    """last.ckpt without its tensors, whose recipe remembers what it once began with; None for a new run.

    ``begins``: what the command says of that, which may be said again.
    """
    last = files.last
    if resume and not last.exists():
        raise InputError(f"there is nothing to resume: {last} does not exist; start without --resume")
    if last.exists() and not resume:
        raise InputError(f"{last} exists; resume that run with --resume or choose another --output")
    if not resume and files.best.exists():
        raise InputError(f"{files.best} exists, of a run that cannot be resumed; choose another --output")
    if not resume:
        return None
    before = read_checkpoint(last)._replace(state={})
    for name, given in begins.items():
        began = getattr(before.recipe, name)
        if given is not None and str(given) != began:
            raise InputError(
                f"{last} began with {began or 'no'} {name}, not with {given}; leave out --{name}, or begin a "
                "new run with another --output"
            )
    _check_same(recipe, before.recipe.to_dict(), last)
    return before


def _note_splits_of_weights(recipe: Recipe) -> Recipe:
    """The recipe with what the checkpoint it begins with has seen of its data; warns of such a validation."""
    if recipe.weights:
        other = read_trained(recipe.weights).recipe
        seen = f"{other.train_split}+{other.weights_splits}".split("+")
        splits = "+".join(dict.fromkeys(filter(None, seen)))
        recipe = replace(recipe, weights_splits=splits if other.dataset == recipe.dataset else "")
    if recipe.seen_in_validation:
        rank_zero_only(print)(
            f"bisenet: the network is trained on {recipe.seen_in_validation} too: "
            f"scores on {recipe.val_split} are no measure of new images",
            file=sys.stderr,
        )
    return recipe


def _check_same_data(before: Checkpoint, task: Task, data: Data, last: Path, changed_data: bool) -> None:
    advice = f"restore them, or begin a new run with --backbone {last} and another --output"
    check_same_classes(before, task.classes, task.label_space, last, advice)
    if task.recipe.teacher and not before.recipe.teacher:
        raise InputError(f"{last} began without a teacher; leave out --teacher, or begin a new run with "
                         "--weights and another --output")
    if before.teacher and before.teacher != data.teacher:
        raise InputError(f"{last} was taught by another network than {task.recipe.teacher}; name the one it "
                         "had with --teacher, or begin a new run with --weights and another --output")
    if not changed_data:
        check_same_files(before, data.files, last)


def _check_same(recipe: Recipe, before: dict[str, Any], last: Path) -> None:
    changes = [
        f"{key} was {before[key]!r} and is {value!r}"
        for key, value in recipe.to_dict().items()
        if before[key] != value and key not in _BEGINNING + _PLACES
    ]
    if changes:
        raise InputError(
            f"{last} is of another recipe: {'; '.join(changes)}; give its own, or begin a new run with "
            f"--weights {last} and another --output"
        )


def _begin(task: Task, data: Data) -> None:
    """With the whole network or the trunk of another, where the recipe names one."""
    recipe = task.recipe
    if recipe.weights:
        _begin_with(task, Path(recipe.weights))
    if recipe.backbone:
        fit = load_backbone(task.network, recipe.backbone, task.classes)
        said = f"bisenet: begins with the trunk of {recipe.backbone}: {fit}"
        rank_zero_only(print)(printable(said), file=sys.stderr)
    begun_with = recipe.weights or recipe.backbone
    if begun_with and trained_place(begun_with).is_dir():
        chosen = np.linspace(0, len(data.train) - 1, _MEASURED).astype(int)
        refresh_norms(task.network, torch.stack([data.train[0, index][0] for index in map(int, chosen)]))


def _begin_with(task: Task, weights: Path) -> None:
    other = read_trained(weights)
    advice = f"--backbone {weights} takes all but what depends on the classes"
    if len(other.classes) == len(task.classes):
        check_same_classes(other, task.classes, task.label_space, weights, advice)
    own = network_state(task.network).items()
    heads = {name: tensor for name, tensor in own if name.startswith("network.auxiliary.")}
    try:
        load_network(task.network, {**heads, **other.state})  # a model may be deployed without any
    except RuntimeError as error:
        reason = " ".join(str(error).split("\n\t")[1:2]) or " ".join(str(error).split())
        theirs, ours = ((one.network, one.options) for one in (other.recipe, task.recipe))
        raise InputError(
            f"{weights} does not fit the recipe's network: it holds {_described(other.recipe)}, the recipe "
            f"asks for {_described(task.recipe)}{f'; {advice}' if theirs == ours else ''} "
            f"({reason.strip()[:200]})"
        ) from None
    _refuse_other_settings(other.recipe, task.recipe, weights)


def _refuse_other_settings(theirs: Recipe, ours: Recipe, weights: Path) -> None:
    """``InputError`` for what changes a network's answers and shows in no tensor."""
    then, now = (
        {"mean": one.mean, "std": one.std, **all_options(one.network, one.options)} for one in (theirs, ours)
    )
    for key in sorted(then.keys() - {"auxiliary", "boosters"}):
        if theirs.network == ours.network and then[key] != now[key]:
            raise InputError(
                f"{weights} has {key} {then[key]!r} and the recipe {now[key]!r}; set that of the weights"
            )


def _described(recipe: Recipe) -> str:
    options = "".join(f" {key}={value}" for key, value in recipe.options.items())
    return f"{recipe.network}{options} for {recipe.dataset}"


def _write_recipe(recipe: Recipe, output: Path) -> None:
    output.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump(recipe.to_dict(), sort_keys=False)
    with replacing(output / "recipe.yaml", durable=True) as unfinished:
        unfinished.write_text(text)
