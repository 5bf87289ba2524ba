"""Run a recipe."""

from pathlib import Path

import lightning
from lightning.pytorch.callbacks import LearningRateMonitor, ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger

from bisenet_core.errors import InputError
from bisenet_core.learning.checkpoint import read_checkpoint
from bisenet_core.learning.data_module import SegmentationDataModule
from bisenet_core.learning.recipe import Recipe
from bisenet_core.learning.segmentation_module import SegmentationModule


def train(
    recipe: Recipe,
    root: Path,
    output: Path,
    resume: bool = False,
    workers: int = 1,
    weights: Path | None = None,
) -> Path:
    """Train ``recipe`` on the dataset below ``root``; return the checkpoint with the best validation mIoU.

    ``output`` receives best.ckpt, last.ckpt (after every epoch) and version_N/metrics.csv, a new N for each
    start. With ``resume`` the run goes on from last.ckpt; a new run may begin with the network of the
    checkpoint ``weights``. A run too short for a validation returns last.ckpt.
    ``InputError`` if ``output`` already holds a run and ``resume`` is not given, or the reverse.
    """
    last = output / "last.ckpt"
    if resume and not last.exists():
        raise InputError(f"there is nothing to resume: {last} does not exist; start without --resume")
    if resume and weights is not None:
        raise InputError("--weights begins a new run and --resume goes on with one; give one of the two")
    if last.exists() and not resume:
        raise InputError(f"{last} exists; resume that run with --resume or choose another --output")
    lightning.seed_everything(recipe.seed, workers=True)
    data = SegmentationDataModule(recipe, root, workers)
    module = SegmentationModule(recipe.to_dict())
    if weights is not None:
        _begin_with(module, weights)
    best = _best_checkpoint(output)
    trainer = _trainer(recipe, output, best)
    trainer.fit(module, data, ckpt_path=last if resume else None)
    return Path(best.best_model_path) if best.best_model_path else last


def _begin_with(module: SegmentationModule, weights: Path) -> None:
    try:
        module.load_state_dict(read_checkpoint(weights).state)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{weights} does not fit the recipe's network: {reason}") from None


def _best_checkpoint(output: Path) -> ModelCheckpoint:
    return ModelCheckpoint(output, "best", monitor="val_miou", mode="max", enable_version_counter=False)


def _trainer(recipe: Recipe, output: Path, best: ModelCheckpoint) -> lightning.Trainer:
    last = ModelCheckpoint(
        output, "last", every_n_epochs=1, save_on_train_epoch_end=True, enable_version_counter=False
    )
    return lightning.Trainer(
        max_steps=recipe.iterations,
        precision=recipe.precision,
        gradient_clip_val=recipe.gradient_clip or None,
        check_val_every_n_epoch=recipe.validate_every_epochs,
        callbacks=[best, last, LearningRateMonitor("step")],
        logger=CSVLogger(output, name=""),  # a new folder each time: resuming must not erase what was logged
        log_every_n_steps=10,
        default_root_dir=output,
    )
