"""Stop a run on a signal, and explain in one line what else ends it: a full disk, too little memory."""

import errno
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from lightning_fabric.utilities.rank_zero import rank_zero_only

from bisenet_core.errors import TrainingError
from bisenet_core.learning.recipe import Recipe

_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class RunStoppedError(Exception):
    """A run was asked to stop, and has saved itself after ``iteration``."""

    def __init__(self, number: int | None, iteration: int) -> None:
        self.signal = signal.Signals(number or signal.SIGTERM)
        self.iteration = iteration
        super().__init__(f"stopped by {self.signal.name} after iteration {iteration}, which is saved")


class StopSignals:
    """Notes SIGTERM, Ctrl-C and, under SLURM, SIGUSR1 within a ``with``, for the run to stop between steps.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self._handlers_before: dict[int, Any] = {}

    def __enter__(self) -> "StopSignals":
        slurm = [signal.SIGUSR1] if "SLURM_JOB_ID" in os.environ else []
        for number in (signal.SIGTERM, signal.SIGINT, *slurm):
            self._handlers_before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._handlers_before.items():
            signal.signal(number, handler)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if self.received and number == signal.SIGINT:
            raise KeyboardInterrupt
        if not self.received and rank_zero_only.rank == 0:
            # print() may not be called from a signal that came within a print()
            os.write(2, b"\nbisenet: finishing this step to save it; Ctrl-C ends at once\n")
        self.received = number


def requeue() -> None:
    """Put this SLURM job back into its queue, to be begun again with the same command."""
    array = os.environ.get("SLURM_ARRAY_JOB_ID")
    job = f"{array}_{os.environ['SLURM_ARRAY_TASK_ID']}" if array else os.environ["SLURM_JOB_ID"]
    subprocess.run(["scontrol", "requeue", job], check=False)


@contextmanager
def explain_failures(recipe: Recipe, output: Path) -> Iterator[None]:
    """Turn what ends a run from outside into a ``TrainingError`` that says what to do."""
    try:
        yield
    except (OSError, EOFError, RuntimeError, MemoryError) as error:
        explanation = _explanation(error, recipe, output)
        if explanation is None:
            raise
        last = output / "last.ckpt"
        advice = f"go on from {last}, which is whole, with --resume" if last.exists() else "begin anew"
        raise TrainingError(f"{explanation} {advice}") from None


def _explanation(error: Exception, recipe: Recipe, output: Path) -> str | None:
    text = " ".join(str(error).split())
    sizes = (
        f"batch_size {recipe.batch_size} in {recipe.accumulate} part(s) at {recipe.crop_width}x"
        f"{recipe.crop_height}; raise accumulate, of which norms and losses see one part at a time, "
        f"use more --devices, or lower batch_size or crop_width and crop_height; then"
    )
    if isinstance(error, OSError) and error.errno in _NO_SPACE:
        return f"{output} cannot be written: {error.strerror}; make room, and"
    if isinstance(error, torch.OutOfMemoryError):
        return f"the GPU has too little memory for {sizes}"
    if isinstance(error, MemoryError) or "can't allocate memory" in text:
        return f"there is too little memory for {sizes}"
    # a connection is broken where a worker has died while it handed over what it had read
    if "DataLoader worker" in text or isinstance(error, (ConnectionError, EOFError)):
        advice = "if memory is short, lower --workers; then"
        return f"a process that reads the data has died ({text[:100]}); {advice}"
    if isinstance(error, torch.distributed.DistError) or "gloo" in text:
        return f"another process of this run has ended or cannot be reached ({text[:100]}); then"
    return None
