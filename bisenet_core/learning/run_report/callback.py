"""RunReport: watches a run, and writes its report when it ends, however it ends."""

import logging
from pathlib import Path
from time import monotonic
from typing import Any

import lightning
from lightning.pytorch.callbacks import Callback

from bisenet_core.learning.run_guard import RunStoppedError
from bisenet_core.learning.run_report.environment import git_state, hardware, versions
from bisenet_core.learning.run_report.page import write_run_report
from bisenet_core.learning.run_report.run_record import RunRecord, Start
from bisenet_core.learning.run_report.saved_validation import ValidationScores
from bisenet_core.learning.segmentation_module import SegmentationModule

_log = logging.getLogger(__name__)
_SECONDS_BETWEEN_RECORDS = 30.0


class RunReport(Callback):
    """Keeps ``output``/logs/run.json up to date, and writes ``output``/report.html at the end of each start.

    The scores of the last validation travel as the callback's state in each checkpoint, so that best.ckpt
    always holds its own. ``root`` is the data set's folder. A report that cannot be written is a warning: it
    may be made later, by ``python -m bisenet_core.learning.run_report OUTPUT``.
    """

    def __init__(self, output: Path, root: Path) -> None:
        super().__init__()
        self._output, self._root = output, root
        self._scores: dict[str, Any] = {}
        self._record: RunRecord | None = None
        self._begun_at = self._written_at = self._validated_for = self._validating_since = 0.0

    def state_dict(self) -> dict[str, Any]:
        return self._scores

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._scores = state_dict

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        if not trainer.is_global_zero:
            return
        on_gpu = trainer.strategy.root_device.type == "cuda"
        start = Start(
            begin=trainer.global_step, end=trainer.global_step, root=str(self._root.resolve()),
            versions=versions(), git=git_state(), hardware=hardware(trainer.world_size, on_gpu),
        )
        self._record = RunRecord(self._output)
        self._record.starts.append(start)
        self._begun_at, self._validated_for = monotonic(), 0.0
        self._write(trainer)

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, *args: Any
    ) -> None:
        if monotonic() - self._written_at > _SECONDS_BETWEEN_RECORDS:
            self._write(trainer)

    def on_validation_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self._validating_since = monotonic()

    def on_validation_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        if trainer.sanity_checking:
            return
        self._validated_for += monotonic() - self._validating_since
        if isinstance(pl_module, SegmentationModule):
            images = pl_module.val_image_miou
            self._scores = ValidationScores.of(trainer.global_step, pl_module.confusion, images).to_state()
        self._write(trainer)

    def on_train_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        finished = trainer.global_step >= trainer.max_steps
        self._finish(trainer, "finished" if finished else "stopped")

    def on_exception(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, exception: BaseException
    ) -> None:
        kind = "" if isinstance(exception, RunStoppedError) else f"{type(exception).__name__} "
        self._finish(trainer, " ".join(f"{kind}{exception}".split())[:200])

    def _finish(self, trainer: lightning.Trainer, outcome: str) -> None:
        if self._record is None:
            return
        try:
            self._record.starts[-1].outcome = outcome
            self._write(trainer)
            write_run_report(self._output, self._root)
        except Exception as error:  # whatever it is, the weights are what the run was for
            _log.warning("the report of %s was not written: %s", self._output, " ".join(str(error).split()))

    def _write(self, trainer: lightning.Trainer) -> None:
        """Bring the record of this start up to date."""
        if self._record is None:
            return
        self._written_at = monotonic()
        start = self._record.starts[-1]
        start.end = trainer.global_step
        start.seconds = round(self._written_at - self._begun_at, 3)
        start.training_seconds = round(start.seconds - self._validated_for, 3)
        self._record.write()
