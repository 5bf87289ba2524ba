"""RunProgress: how far the whole run is, as a bar, or as lines where nobody watches a terminal."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from bisenet_core.reports.parts.formats import duration

SECONDS_BETWEEN_LINES = 30.0
_SECONDS_BETWEEN_LOOKS = 0.5


class RunProgress:
    """Iterations of the recipe with the time that is left, loss, iterations per second and validation mIoU.

    Where ``console``, by default stderr, is no terminal, such as in a log file, there is no bar but a line
    every ``seconds`` and after each validation.
    """

    def __init__(
        self, total: int, console: Console | None = None, seconds: float = SECONDS_BETWEEN_LINES
    ) -> None:
        self._total, self._console = total, console or Console(stderr=True)
        columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(),
                   TextColumn("{task.fields[note]}", markup=False))
        self._bar = Progress(*columns, console=self._console, transient=True)
        self._tasks: dict[str, TaskID] = {}
        self._seconds = _SECONDS_BETWEEN_LOOKS if self._console.is_terminal else seconds
        self._begun_at = self._said_at = 0.0
        self._begun_with = self._done = 0
        self._loss: Any = None
        self._score = ""

    @contextmanager
    def running(self, done: int) -> Iterator[None]:
        """Show the run in the ``with``, which begins after ``done`` iterations."""
        self._begun_at, self._begun_with = monotonic(), done
        if not self._console.is_terminal:
            self._say(done)
            yield
            self._say(self._done)
            return
        self._tasks["run"] = self._bar.add_task("training", total=self._total, completed=done, note="")
        with self._bar:
            yield

    def trained(self, done: int, loss: Any) -> None:
        """Show ``done`` iterations and the ``loss`` of the last, a number or a tensor, if it is time."""
        self._loss, self._done = loss, done
        if monotonic() - self._said_at >= self._seconds:  # not always, as reading the loss waits for the GPU
            self._say(done)

    @contextmanager
    def validating(self, batches: int) -> Iterator[None]:
        """Show how far a validation is, by ``validated_batch``."""
        if "run" in self._tasks:
            self._tasks["val"] = self._bar.add_task("validating", total=batches, note="")
        yield
        if "val" in self._tasks:
            self._bar.remove_task(self._tasks.pop("val"))

    def validated_batch(self) -> None:
        if "val" in self._tasks:
            self._bar.advance(self._tasks["val"])

    def validated(self, done: int, miou: float, best: float) -> None:
        """Show the mIoU of a validation after ``done`` iterations, and the best so far."""
        self._score = f"val mIoU {100 * miou:.1f} % (best {100 * best:.1f})"
        self._say(done)

    def _say(self, done: int) -> None:
        self._said_at, self._done = monotonic(), done
        note = ", ".join(self._notes(done))
        if "run" in self._tasks:
            self._bar.update(self._tasks["run"], completed=done, note=note)
            return
        text = f"iteration {done} of {self._total} ({100 * done / self._total:.0f} %)"
        self._console.print(text + (note and f", {note}"), markup=False, highlight=False, soft_wrap=True)

    def _notes(self, done: int) -> list[str]:
        notes = [] if self._loss is None else [f"loss {float(self._loss):.3g}"]
        passed, made = monotonic() - self._begun_at, done - self._begun_with
        if made > 0 and passed > 0:
            notes.append(f"{made / passed:.2g} iterations/s")
            if done < self._total:
                notes.append(f"{duration(passed / made * (self._total - done))} left".replace("\u00a0", " "))
        return [*notes, self._score] if self._score else notes
