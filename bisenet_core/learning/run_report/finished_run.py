"""Read the output folder of a run, whether it has ended or not; the figures and facts of its report."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bisenet_core.errors import InputError
from bisenet_core.learning.checkpoint import data_name, saved_classes
from bisenet_core.learning.recipe import Recipe
from bisenet_core.learning.run_report.curves import points
from bisenet_core.learning.run_report.metrics_file import LOGS, METRICS, Row, read_rows
from bisenet_core.learning.run_report.run_record import Start, read_starts
from bisenet_core.learning.scores import KEY, ValidationScores
from bisenet_core.models.weights.torch_file import load_torch_file
from bisenet_core.reports.parts.formats import UNKNOWN, count, duration, milliseconds, percent, plural
from bisenet_core.reports.parts.page import Figure

_CHECKPOINTS = ("best.ckpt", "last.ckpt")


@dataclass(frozen=True)
class FinishedRun:
    """``checkpoint``: the best there is, as torch reads it; empty where there is none yet."""

    recipe: Recipe
    rows: list[Row]
    starts: list[Start]
    checkpoint: dict[str, Any]
    checkpoint_name: str
    scores: ValidationScores | None

    @property
    def iterations(self) -> int:
        """That have been made; where starts were not recorded, as far as was logged."""
        if self.starts:
            return self.starts[-1].end
        return int(self.rows[-1]["step"]) + 1 if self.rows else 0

    @property
    def data_name(self) -> str:
        """What the data is called; while there is no checkpoint, as the recipe calls it."""
        settings = self.checkpoint.get("hyper_parameters")
        return data_name(self.recipe, saved_classes(settings, self.recipe) if settings else None)

    @property
    def begins(self) -> tuple[int, ...]:
        """Iterations at which the run went on."""
        return tuple(start.begin for start in self.starts[1:])


def read_run(output: Path) -> FinishedRun:
    """Read ``output``. ``InputError`` where it holds no run, or one that cannot be read."""
    name = next((name for name in _CHECKPOINTS if (output / name).exists()), "")
    checkpoint = load_torch_file(output / name) if name else {}
    path = output / "recipe.yaml"
    if path.exists():
        recipe = Recipe.load(path)
    elif checkpoint:
        recipe = Recipe.from_dict(checkpoint["hyper_parameters"]["recipe"], str(output / name))
    else:
        raise InputError(f"{output} holds no run; expected {path} or a checkpoint, as `bisenet train` writes")
    state = checkpoint.get("callbacks", {}).get("RunReport", {})
    rows, starts = read_rows(output / LOGS / METRICS), read_starts(output)
    scores = ValidationScores(**state[KEY]) if state.get(KEY) else None
    return FinishedRun(recipe, rows, starts, checkpoint, name, scores)


def figures(run: FinishedRun) -> list[Figure]:
    """Best validation, time and speed."""
    scores, starts = run.scores, run.starts
    seconds = sum(start.seconds for start in starts) if starts else None
    training = sum(start.training_seconds for start in starts)
    made = sum(start.end - start.begin for start in starts)
    speed = made * run.recipe.batch_size / training if training else None
    best = [_best_logged(run)]
    if scores is not None:
        best = [Figure("Best validation mIoU", percent(scores.miou), _where(run, scores.iteration)),
                Figure("Pixel accuracy", percent(scores.pixel_accuracy),
                       f"of the same, {plural(len(scores.images), 'image')}")]
    each = f"{milliseconds(1000 * training / made)} for an iteration" if made else "not measured"
    return [
        *best,
        Figure("Time", duration(seconds),
               f"{duration(training)} of it training" if starts else "not recorded"),
        Figure("Images per second", UNKNOWN if speed is None else f"{speed:.3g}", each),
    ]


def _where(run: FinishedRun, iteration: float) -> str:
    seen = run.recipe.seen_in_validation
    trained = f"; trained on these images ({seen})" if seen else ""
    return f"at iteration {count(iteration)} of {count(run.recipe.iterations)}{trained}"


def _best_logged(run: FinishedRun) -> Figure:
    """For runs whose checkpoints hold no scores of pixels: whole images, or no validation as yet."""
    for name, meaning in (("val_top1", "top-1"), ("val_miou", "mIoU")):
        x, y = points(run.rows, name)
        if len(y):
            best = int(y.argmax())
            return Figure(f"Best validation {meaning}", percent(float(y[best])), _where(run, float(x[best])))
    why = "no validation yet" if run.recipe.val_split else "the recipe has no val_split"
    return Figure("Best validation", percent(None), why)


def facts(run: FinishedRun) -> list[tuple[str, str]]:
    """Name and value."""
    recipe, last = run.recipe, run.starts[-1] if run.starts else None
    named = {
        "Network": " ".join([recipe.network, *(f"{name}={value}" for name, value in recipe.options.items())]),
        "Data set": run.data_name,
        "Iterations": f"{count(run.iterations)} of {count(recipe.iterations)}",
        "Batch": f"{recipe.batch_size} of {recipe.crop_width}x{recipe.crop_height}, {recipe.precision}",
        "Seed": str(recipe.seed),
        "Resumed": plural(len(run.starts) - 1, "time") if run.starts else "not recorded",
        "Commit": commit(last),
        "Hardware": last.hardware if last else "not recorded",
    }
    return list(named.items())


def commit(start: Start | None) -> str:
    """Short, and whether the code was that of the commit."""
    if start is None or start.git is None:
        return "unknown"
    return start.git["commit"][:12] + (", with changes that are not in it" if start.git["dirty"] else "")


def state(run: FinishedRun) -> str:
    """One sentence on a run that has not come to its end, else nothing."""
    if not run.starts or run.starts[-1].outcome == "finished":
        return ""
    outcome, where = run.starts[-1].outcome, f"iteration {count(run.iterations)}"
    if outcome == "running":
        return f"The run had not ended when this was written, or was killed; it had come to {where}."
    return f"The run ended early, at {where}: {outcome}."
