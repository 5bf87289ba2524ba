"""A run: its parts, how far it has come, and its files: last.ckpt to go on from, best.ckpt to use."""

import io
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from bisenet_core.files import replacing
from bisenet_core.learning.checkpoint import load_network, network_state
from bisenet_core.learning.learner import Learner
from bisenet_core.learning.recipe import Recipe
from bisenet_core.learning.run_guard import StopSignals
from bisenet_core.learning.run_report.metrics_file import RunLogs
from bisenet_core.learning.run_report.progress import RunProgress
from bisenet_core.learning.run_report.recorder import RunRecorder
from bisenet_core.learning.task import Data
from bisenet_core.models.weights.torch_file import load_torch_file


class RunFiles:
    """The checkpoints of a run in ``output``, and when to write last.ckpt: every ``save_every`` minutes."""

    def __init__(self, output: Path, save_every: float) -> None:
        self.last, self.best = output / "last.ckpt", output / "best.ckpt"
        self.seconds, self.saved_at = save_every * 60, time.monotonic()

    def is_due(self) -> bool:
        return time.monotonic() - self.saved_at >= self.seconds


@dataclass
class Run:
    """A learner with its data, its files and what watches it; ``done`` counts its optimiser steps."""

    learner: Learner
    data: Data
    files: RunFiles
    logs: RunLogs = field(init=False)
    progress: RunProgress = field(init=False)
    recorder: RunRecorder = field(init=False)
    stop: StopSignals = field(default_factory=StopSignals)
    done: int = 0
    validated: int = 0
    """Iteration of the last validation."""
    best_score: float | None = None
    scores: dict[str, Any] = field(default_factory=dict)
    """Of the last validation, as the run's report shows them."""

    @property
    def recipe(self) -> Recipe:
        return self.learner.task.recipe

    @property
    def is_over(self) -> bool:
        return self.done >= self.recipe.iterations

    @property
    def validation_is_due(self) -> bool:
        every = self.recipe.validate_every_epochs * self.data.iterations_per_epoch
        return (
            self.data.val is not None
            and self.validated != self.done
            and (self.done % every == 0 or self.is_over)
        )


def save(run: Run, path: Path) -> None:
    """Write the run to ``path`` from its first process, between two optimiser steps."""
    if run.learner.fabric.is_global_zero:
        whole = io.BytesIO()  # PyTorch's own way to a file does not say why a disk refuses it
        torch.save(_content(run), whole)
        with replacing(path, durable=True) as unfinished:
            unfinished.write_bytes(whole.getbuffer())
    run.files.saved_at = time.monotonic()


def _content(run: Run) -> dict[str, Any]:
    """Plain values and tensors, in the layout of Lightning's Trainer, which earlier runs have used.

    ``state_dict`` is what is validated, saved and exported: the moving average, where there is one. The
    weights themselves then stand in ``current_model_state``.
    """
    learner, task = run.learner, run.learner.task
    content = {
        "epoch": (run.done - 1) // run.data.iterations_per_epoch,
        "global_step": run.done,
        "hyper_parameters": task.hyper_parameters,
        "data_files": run.data.files,
        "teacher": run.data.teacher,
        "state_dict": network_state(learner.validated_network),
        "optimizer_states": [learner.optimizer.state_dict()],
        "class_weights": task.class_weights,
        "MixedPrecision": learner.fabric.strategy.precision.state_dict(),
        "callbacks": {
            "RunCheckpoints": {
                "monitor": task.metric,
                "best_model_score": run.best_score,
                "best_model_path": "" if run.best_score is None else str(run.files.best),
                "validated": run.validated,
            },
            "RunReport": run.scores,
        },
    }
    if learner.average is not None:
        content["current_model_state"] = network_state(task.network)
    return content


def restore(run: Run, path: Path) -> None:
    """Bring a run that has just been set up to where ``path``, its last.ckpt, was written."""
    learner, content = run.learner, load_torch_file(path)
    load_network(learner.task.network, content.get("current_model_state", content["state_dict"]))
    if learner.average is not None:
        load_network(learner.average.network, content["state_dict"])
    learner.optimizer.load_state_dict(content["optimizer_states"][0])
    if content.get("MixedPrecision"):
        learner.fabric.strategy.precision.load_state_dict(content["MixedPrecision"])
    learner.task.class_weights = content.get("class_weights")  # counting pixels again would take minutes
    kept = content["callbacks"]["RunCheckpoints"]
    run.best_score, run.validated = kept["best_model_score"], kept["validated"]
    run.scores, run.done = content["callbacks"].get("RunReport", {}), content["global_step"]
