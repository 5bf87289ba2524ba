"""RunProgress: how far the whole run is, as a bar, or as lines where nobody watches a terminal."""

from time import monotonic
from typing import Any

import lightning
from lightning.pytorch.callbacks import ProgressBar
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from bisenet_core.reports.parts.formats import duration

SECONDS_BETWEEN_LINES = 30.0
_SECONDS_BETWEEN_LOOKS = 0.5


def progress_bar(console: Console | None = None, seconds: float = SECONDS_BETWEEN_LINES) -> "RunProgress":
    """The progress of a run on ``console``, by default stderr."""
    return RunProgress(console or Console(stderr=True), seconds)


class RunProgress(ProgressBar):
    """Iterations of the recipe with the time that is left, loss, iterations per second and validation mIoU.

    Where ``console`` is no terminal, such as in a log file, there is no bar but a line every ``seconds`` and
    after each validation. The time left is that which the iterations of this start have taken on average,
    their validations with them.
    """

    def __init__(self, console: Console, seconds: float = SECONDS_BETWEEN_LINES) -> None:
        super().__init__()
        self._console, self._seconds, self._enabled = console, seconds, True
        columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(),
                   TextColumn("{task.fields[note]}", markup=False))
        self._bar = Progress(*columns, console=console, transient=True)
        self._tasks: dict[str, TaskID] = {}
        self._begun_at = self._said_at = 0.0
        self._begun_with = 0
        self._miou: float | None = None
        self._best = 0.0

    def enable(self) -> None:
        self._enabled = True

    def disable(self) -> None:
        """For every process but the first."""
        self._enabled = False

    def print(self, *args: Any, **_kwargs: Any) -> None:
        """A line above the bar."""
        if self._enabled:
            self._console.print(*args, markup=False, highlight=False, soft_wrap=True)

    def state_dict(self) -> dict[str, Any]:
        return {"best": self._best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._best = state_dict["best"]

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self._begun_at = self._said_at = monotonic()
        self._begun_with = trainer.global_step
        if not self._enabled:
            return
        if self._console.is_terminal:
            self._bar.start()
            self._tasks["run"] = self._bar.add_task("training", total=trainer.max_steps, note="")
            self._bar.update(self._tasks["run"], completed=trainer.global_step)
        else:
            self._say(trainer)

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, *args: Any
    ) -> None:
        if not self._enabled:
            return
        between = _SECONDS_BETWEEN_LOOKS if self._console.is_terminal else self._seconds
        if monotonic() - self._said_at >= between:  # not always, as reading the loss waits for the GPU
            self._say(trainer)

    def on_validation_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        if self._enabled and "run" in self._tasks and not trainer.sanity_checking:
            total = sum(map(int, trainer.num_val_batches))
            self._tasks["val"] = self._bar.add_task("validating", total=total, note="")

    def on_validation_batch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, *args: Any
    ) -> None:
        if "val" in self._tasks:
            self._bar.advance(self._tasks["val"])

    def on_validation_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        if "val" in self._tasks:
            self._bar.remove_task(self._tasks.pop("val"))
        if self._enabled and not trainer.sanity_checking and "val_miou" in trainer.callback_metrics:
            self._miou = float(trainer.callback_metrics["val_miou"])
            self._best = max(self._best, self._miou)
            self._say(trainer)

    def on_train_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self._close()
        if self._enabled and not self._console.is_terminal:
            self._say(trainer)

    def on_exception(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, exception: BaseException
    ) -> None:
        self._close()

    def _close(self) -> None:
        if self._tasks:  # else it would print an empty line
            self._bar.stop()

    def _say(self, trainer: lightning.Trainer) -> None:
        self._said_at = monotonic()
        done, total = trainer.global_step, trainer.max_steps
        note = ", ".join(self._notes(trainer, done, total))
        if "run" in self._tasks:
            self._bar.update(self._tasks["run"], completed=done, note=note)
        else:
            self.print(f"iteration {done} of {total} ({100 * done / total:.0f} %)" + (note and f", {note}"))

    def _notes(self, trainer: lightning.Trainer, done: int, total: int) -> list[str]:
        metrics = trainer.callback_metrics
        notes = [f"loss {float(metrics['loss']):.3g}"] if "loss" in metrics else []
        passed, made = monotonic() - self._begun_at, done - self._begun_with
        if made > 0 and passed > 0:
            notes.append(f"{made / passed:.2g} iterations/s")
            if done < total:
                notes.append(f"{duration(passed / made * (total - done))} left".replace("\u00a0", " "))
        if self._miou is not None:
            notes.append(f"val mIoU {100 * self._miou:.1f} % (best {100 * self._best:.1f})")
        return notes
