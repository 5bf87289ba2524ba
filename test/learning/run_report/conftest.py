"""A real run, tiny: BiSeNet V2 at a quarter of its width on a few rendered frames."""

import lightning
import pytest
import yaml
from lightning.pytorch.callbacks import LearningRateMonitor, ProgressBar

from bisenet_core.learning.checkpointing import RunCheckpoints
from bisenet_core.learning.data_module import SegmentationDataModule
from bisenet_core.learning.recipe import Recipe
from bisenet_core.learning.run_guard import StopSignals
from bisenet_core.learning.run_report import RunReport, loggers
from bisenet_core.learning.segmentation_module import SegmentationModule

RECIPE = {
    "name": "tiny", "dataset": "camvid", "options": {"alpha": 0.25}, "iterations": 4, "batch_size": 3,
    "crop_width": 64, "crop_height": 64, "precision": "32-true", "validate_every_epochs": 1,
}


@pytest.fixture(scope="session")
def start_run(street_dataset):
    """Trains into ``output`` up to an iteration, with ``callbacks``, going on where ``begin`` is not 0."""

    def start(output, iterations=4, begin=0, callbacks=(), **changes):
        recipe = Recipe.from_dict({**RECIPE, **changes})
        output.mkdir(exist_ok=True)
        (output / "recipe.yaml").write_text(yaml.safe_dump(recipe.to_dict()))
        data = SegmentationDataModule(recipe, street_dataset, 0)
        checkpoints = RunCheckpoints(output, StopSignals(), data.iterations_per_epoch, 10.0, "val_miou")
        trainer = lightning.Trainer(
            max_steps=iterations, precision=recipe.precision, logger=loggers(output, begin),
            enable_progress_bar=any(isinstance(one, ProgressBar) for one in callbacks),
            val_check_interval=2, check_val_every_n_epoch=None, log_every_n_steps=1,
            enable_model_summary=False, accelerator="cpu",
            callbacks=[*callbacks, RunReport(output, street_dataset), LearningRateMonitor(), checkpoints],
        )
        ckpt = output / "last.ckpt" if begin else None
        trainer.fit(SegmentationModule(recipe.to_dict()), data, ckpt_path=ckpt)

    return start


@pytest.fixture(scope="session")
def finished(start_run, tmp_path_factory):
    """The folder of a run that was resumed once and has come to its end. Not to be written to."""
    output = tmp_path_factory.mktemp("runs") / "finished"
    start_run(output, 2)
    start_run(output, 4, begin=2)
    return output
