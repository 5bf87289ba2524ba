"""The training loop: load, forward, loss, step, log; validate and save between two steps."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bisenet_core.errors import TrainingError
from bisenet_core.learning.distributed import largest, mean_over_processes
from bisenet_core.learning.learner import Learner
from bisenet_core.learning.optimizer import learning_rates, set_learning_rates
from bisenet_core.learning.run import Run, save
from bisenet_core.learning.run_guard import RunStoppedError
from bisenet_core.learning.task import Score

#: Iterations from one row in the logs to the next, in a run that has as many.
LOG_EVERY = 10
#: Images that are validated before the first step, lest a fault in validation shows after hours only.
FIRST_LOOK = 2
_NOTHING, _SAVE, _STOP = 0, 1, 2


def train_network(run: Run) -> None:
    """Train from iteration ``run.done`` to the recipe's last one.

    What an iteration does is a function of the recipe, of its number and of what a checkpoint holds: so a
    run that was stopped goes on as if it had not been. ``RunStoppedError`` after a signal, ``TrainingError``
    where the loss is no number.
    """
    fabric, data = run.learner.fabric, run.data
    batches = iter(data.training_batches(fabric, run.done))
    if not run.done and data.val is not None:
        evaluate(run.learner, islice(data.validation_batches(fabric), FIRST_LOOK))
    while True:
        if run.validation_is_due:
            validate(run)
        if run.is_over:
            break
        losses = train_step(run.learner, run.done, batches)
        run.done += 1
        log_step(run, losses)
        if not run.is_over:
            save_or_stop(run)
    if run.validated != run.done:
        save(run, run.files.last)
    fabric.barrier()


def train_step(learner: Learner, iteration: int, batches: Iterator[Any]) -> dict[str, Tensor]:
    """One optimiser step of ``accumulate`` parts; the losses of the last part, over all processes."""
    fabric, task, network, optimizer = learner.fabric, learner.task, learner.network, learner.optimizer
    recipe = task.recipe
    set_learning_rates(optimizer, recipe, iteration)
    for part in range(recipe.accumulate):
        seed_draws(recipe.seed, iteration * recipe.accumulate + part, fabric.global_rank)
        fabric.call("on_train_batch_start", learner, iteration)
        image, *truth = fabric.to_device(next(batches))
        with fabric.no_backward_sync(network, enabled=part + 1 < recipe.accumulate):
            losses = task.losses(network(image), *truth)
            shown = checked_losses(losses, iteration)
            fabric.backward(losses["loss"] / recipe.accumulate)
    if recipe.gradient_clip:
        # in float16 an overflow is no error: the step is left out
        fabric.clip_gradients(network, optimizer, max_norm=recipe.gradient_clip, error_if_nonfinite=False)
    optimizer.step()
    optimizer.zero_grad()
    if learner.average is not None:
        learner.average.update(task.network, iteration)
    return shown


def seed_draws(seed: int, part: int, process: int) -> None:
    """Make what a network draws, as for dropout, depend on seed, part of a step and process alone."""
    state = np.random.SeedSequence((seed, part, process)).generate_state(1, np.uint64)
    torch.manual_seed(int(state[0]))


def checked_losses(losses: dict[str, Tensor], iteration: int) -> dict[str, Tensor]:
    """The mean of each loss over all processes. ``TrainingError`` where "loss", their sum, is no number."""
    means = dict(zip(losses, mean_over_processes(torch.stack(list(losses.values())))))
    if not torch.isfinite(means["loss"]):
        raise TrainingError(
            f"the loss is {means['loss'].item()} at iteration {iteration}; lower the learning rate"
        )
    return means


def log_step(run: Run, losses: dict[str, Tensor]) -> None:
    """Tell logs, record and progress of the iteration that is done."""
    if run.done % min(LOG_EVERY, run.recipe.iterations) == 0:
        values = {name: value.item() for name, value in losses.items()}
        run.logs.log({**values, **learning_rates(run.learner.optimizer)}, run.done - 1)
    run.recorder.trained(run.done)
    run.progress.trained(run.done, losses["loss"])


def validate(run: Run) -> None:
    """Score the network on the validation split; save it, also as the best where it is that."""
    batches = run.data.validation_batches(run.learner.fabric)
    with run.recorder.validating(), run.progress.validating(len(batches)):
        score = evaluate(run.learner, watched(run, batches))
        score.merge_processes()
    metrics = score.metrics()
    run.validated, run.scores = run.done, score.to_state(run.done)
    run.logs.log(metrics, run.done - 1)
    value = metrics[run.learner.task.metric]
    if run.best_score is None or value > run.best_score:
        run.best_score = value
        save(run, run.files.best)
    save(run, run.files.last)
    run.recorder.write(run.done)
    if "val_miou" in metrics:
        run.progress.validated(run.done, metrics["val_miou"], run.best_score)


@torch.no_grad()
def evaluate(learner: Learner, batches: Iterable[Any]) -> Score:
    """How the network does on ``batches``, this process's share of a validation."""
    fabric, network = learner.fabric, learner.validated_network
    score: Any = learner.task.new_score()
    trained = network.training
    network.eval()
    for batch in batches:
        image, *truth = fabric.strategy.precision.convert_input(fabric.to_device(batch))
        with fabric.autocast():
            learner.task.score_batch(score, network, image, *truth)
    network.train(trained)
    return score


def watched(run: Run, batches: Iterable[Any]) -> Iterator[Any]:
    """``batches``, each shown in the progress once it is done; ``RunStoppedError`` where the run is to stop.
    """
    for batch in batches:
        yield batch
        run.progress.validated_batch()
        if run.stop.received and run.learner.fabric.world_size == 1 and not run.is_over:
            save(run, run.files.last)
            raise RunStoppedError(run.stop.received, run.done)


def save_or_stop(run: Run) -> None:
    """Write last.ckpt where it is time; ``RunStoppedError`` where any process has been told to stop."""
    wanted = _STOP if run.stop.received else _SAVE if run.files.is_due() else _NOTHING
    wanted = largest(wanted, run.learner.fabric.device)
    if wanted != _NOTHING:
        save(run, run.files.last)
    if wanted == _STOP:
        raise RunStoppedError(run.stop.received, run.done)
