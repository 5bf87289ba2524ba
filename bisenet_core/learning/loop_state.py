"""What Lightning keeps of a run's course, as a function of the iterations that are done."""

from typing import Any

import lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback


class StepSeeds(Callback):
    """What a network draws, as for dropout, depends on seed, part of a step and process alone.

    So there is no generator's state to save, of which every process of a run would have its own.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_batch_start(self, trainer: lightning.Trainer, _module: Any, _batch: Any, index: int) -> None:
        entropy = (self.seed, index, trainer.global_rank)
        torch.manual_seed(int(np.random.SeedSequence(entropy).generate_state(1, np.uint64)[0]))


def loops_after(trainer: lightning.Trainer, done: int, validation_due: bool = False) -> dict[str, Any]:
    """State of ``trainer.fit_loop`` after ``done`` optimiser steps of a run that is one long epoch.

    Lightning's own state differs with the hook in which it was saved, and from some it repeats or leaves out
    a validation. This is the state it has after a training batch, whose validation either ``validation_due``
    has still to begin, or is over or was none.
    """
    state = trainer.fit_loop.state_dict()
    parts = done * trainer.accumulate_grad_batches
    _count(state["epoch_progress"], ready=1, started=1)
    _count(
        state["epoch_loop.batch_progress"], ready=parts, started=parts, processed=parts, completed=parts - 1
    )
    _count(state["epoch_loop.scheduler_progress"], ready=done, completed=done)
    optimizer = state["epoch_loop.automatic_optimization.optim_progress"]["optimizer"]
    _count(optimizer["step"], ready=done, completed=done)
    _count(optimizer["zero_grad"], ready=done, started=done, completed=done)
    # the step that loggers are told: it is raised on restarting, and once more after a validation
    stepped = done - 2 if validation_due else done - 1
    state["epoch_loop.state_dict"] = {"_batches_that_stepped": stepped}
    if validation_due:
        _count(state["epoch_loop.val_loop.batch_progress"], ready=1, started=1)
    return state


def _count(progress: dict[str, Any], **counts: int) -> None:
    progress["total"].update(counts)
    progress["current"].update(counts)
