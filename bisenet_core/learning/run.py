"""A run: its parts, its files, and how far it has come."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bisenet_core.learning.learner import Learner
from bisenet_core.learning.recipe import Recipe
from bisenet_core.learning.run_guard import StopSignals
from bisenet_core.learning.run_report import RunLogs, RunProgress, RunRecorder
from bisenet_core.learning.task import Data


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
