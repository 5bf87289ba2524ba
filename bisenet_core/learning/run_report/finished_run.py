"""Read the output folder of a run, whether it has ended or not."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bisenet_core.errors import InputError
from bisenet_core.learning.checkpoint import data_name, saved_classes
from bisenet_core.learning.recipe import Recipe
from bisenet_core.learning.run_report.metrics_file import LOGS, METRICS, Row, read_rows
from bisenet_core.learning.run_report.run_record import Start, read_starts
from bisenet_core.learning.scores import ValidationScores
from bisenet_core.models.weights.torch_file import load_torch_file

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
    return FinishedRun(recipe, rows, starts, checkpoint, name, ValidationScores.from_state(state))
