"""What a run leaves to go on from (last.ckpt) and to use (best.ckpt), whole at any time."""

import io
import time
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.fabric.plugins import TorchCheckpointIO
from lightning.pytorch.callbacks import Checkpoint

from bisenet_core.files import replacing
from bisenet_core.learning.loop_state import loops_after
from bisenet_core.learning.run_guard import RunStoppedError, StopSignals

_NOTHING, _SAVE, _STOP = 0, 1, 2


def write_atomically(path: Path, content: bytes | memoryview) -> None:
    """Replace ``path`` by ``content`` when that is safely on the disk; else ``path`` stays what it was.

    Raises OSError, for example where the disk is full.
    """
    with replacing(path, durable=True) as unfinished:
        unfinished.write_bytes(content)


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes checkpoints of Lightning's by ``write_atomically``."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Path | str, storage_options: Any = None
    ) -> None:
        whole = io.BytesIO()
        torch.save(checkpoint, whole)
        write_atomically(Path(path), whole.getbuffer())


class RunCheckpoints(Checkpoint):
    """Keeps ``output``/last.ckpt and ``output``/best.ckpt, and ends the run where ``stop`` asks for it.

    last.ckpt is written every ``save_every`` minutes, after each validation, when the run is stopped and at
    its end; best.ckpt where a validation's ``monitor`` is the highest so far. All are of a moment between
    two optimiser steps, since a checkpoint holds no half-accumulated gradients. The processes of a run do
    what any of them wants. Lightning's ModelCheckpoint saves amidst an accumulation, and forgets the best
    of a folder that was moved.
    """

    def __init__(
        self, output: Path, stop: StopSignals, iterations_per_epoch: int, save_every: float, monitor: str
    ) -> None:
        self.last, self.best = output / "last.ckpt", output / "best.ckpt"
        self.stop, self.per_epoch, self.monitor = stop, iterations_per_epoch, monitor
        self.seconds, self.saved_at = save_every * 60, time.monotonic()
        self.best_score: float | None = None
        self.validated = 0

    def state_dict(self) -> dict[str, Any]:
        best = "" if self.best_score is None else str(self.best)
        return {
            "monitor": self.monitor, "best_model_score": self.best_score, "best_model_path": best,
            "validated": self.validated,
        }  # fmt: skip

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.best_score, self.validated = state["best_model_score"], state["validated"]

    def on_save_checkpoint(self, trainer: lightning.Trainer, _: Any, checkpoint: dict[str, Any]) -> None:
        # to Lightning the whole run is one epoch
        checkpoint["epoch"] = (trainer.global_step - 1) // self.per_epoch

    def on_load_checkpoint(self, trainer: lightning.Trainer, _: Any, checkpoint: dict[str, Any]) -> None:
        done = checkpoint["global_step"]
        state = checkpoint["callbacks"].get(self.state_key, {"validated": done})
        due = _validation_is_due(trainer, done) and state["validated"] != done
        checkpoint["loops"]["fit_loop"] = loops_after(trainer, done, validation_due=due)

    def on_train_start(self, trainer: lightning.Trainer, _module: Any) -> None:
        self.saved_at = time.monotonic()

    def on_train_batch_end(
        self, trainer: lightning.Trainer, module: Any, _outputs: Any, _batch: Any, index: int
    ) -> None:
        if (index + 1) % trainer.accumulate_grad_batches:
            return
        if trainer.global_step >= trainer.max_steps:
            trainer.should_stop = True  # which makes Lightning validate the last iteration, whatever it is
            return
        wanted = self._wanted(trainer)
        if wanted != _NOTHING:
            self._save(trainer, self.last)
        if wanted == _STOP:
            # Lightning logs a step after its callbacks, and this one lets nothing come after it
            trainer._logger_connector.update_train_step_metrics()
            raise RunStoppedError(self.stop.received, trainer.global_step)

    def on_validation_batch_end(self, trainer: lightning.Trainer, *_: Any) -> None:
        # several processes validate without waiting for one another: they stop when all are done
        alone = trainer.world_size == 1 and trainer.global_step < trainer.max_steps
        if self.stop.received and alone and not trainer.sanity_checking:
            self._save(trainer, self.last)
            raise RunStoppedError(self.stop.received, trainer.global_step)

    def on_validation_end(self, trainer: lightning.Trainer, _module: Any) -> None:
        if trainer.sanity_checking:
            return
        self.validated = trainer.global_step
        score = float(trainer.callback_metrics[self.monitor])
        if self.best_score is None or score > self.best_score:
            self.best_score = score
            self._save(trainer, self.best)
        self._save(trainer, self.last)

    def on_train_end(self, trainer: lightning.Trainer, _module: Any) -> None:
        if self.validated != trainer.global_step:
            self._save(trainer, self.last)

    def _wanted(self, trainer: lightning.Trainer) -> int:
        due = time.monotonic() - self.saved_at >= self.seconds
        wanted = _STOP if self.stop.received else _SAVE if due else _NOTHING
        if trainer.world_size == 1:
            return wanted
        mine = torch.tensor(wanted, device=trainer.strategy.root_device)
        return int(trainer.strategy.reduce(mine, reduce_op="max"))

    def _save(self, trainer: lightning.Trainer, path: Path) -> None:
        trainer.save_checkpoint(path)
        self.saved_at = time.monotonic()


def _validation_is_due(trainer: lightning.Trainer, done: int) -> bool:
    parts = done * trainer.accumulate_grad_batches
    return trainer.enable_validation and parts % trainer.val_check_interval == 0
