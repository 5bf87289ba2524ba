"""Training every row with every seed, going on with what has been begun."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ablation_rows import Row, check_base

from bisenet_core.errors import InputError, TrainingError
from bisenet_core.learning.recipe import Recipe
from bisenet_core.learning.run_report.finished_run import read_run
from bisenet_core.learning.train import train
from bisenet_core.reports.console import write_json

#: Of a run that has come to its end.
RESULT = "result.json"


@dataclass(frozen=True)
class Plan:
    """What every row has in common."""

    recipe: Recipe
    root: Path
    output: Path
    iterations: int
    seeds: tuple[int, ...]
    workers: int = 1
    #: folder of files with pre-trained weights for trunks, called after these
    trunks: Path | None = None


def run_rows(plan: Plan, rows: Iterable[Row]) -> Iterator[dict[str, Any]]:
    """Train each row with each seed in a folder of its own; yield what each came to.

    Runs that are finished are not repeated, and one that was broken off is resumed. ``InputError`` where
    ``plan.output`` holds runs of another recipe.
    """
    rows = list(rows)
    check_base(plan.recipe, rows)
    pairs = [(row, seed) for seed in plan.seeds for row in rows]  # a whole table after each seed
    for row, seed in pairs:
        _refuse_other(_folder(plan, row, seed), _recipe(plan, row, seed))
    for row, seed in pairs:
        yield _result(plan, row, seed)


def _recipe(plan: Plan, row: Row, seed: int) -> Recipe:
    """That of one run; a trunk that others train begins with its file in ``plan.trunks`` if that is given."""
    recipe = row.recipe(plan.recipe, seed, plan.iterations)
    trunk = row.options.get("semantic_branch")
    return replace(recipe, backbone=str(plan.trunks / f"{trunk}.pth")) if trunk and plan.trunks else recipe


def _folder(plan: Plan, row: Row, seed: int) -> Path:
    return plan.output / row.name / f"seed_{seed}"


def _refuse_other(folder: Path, recipe: Recipe) -> None:
    if not (folder / "recipe.yaml").exists():
        return
    found, wanted = Recipe.load(folder / "recipe.yaml").to_dict(), recipe.to_dict()
    for key, value in wanted.items():
        if found[key] != value and key != "weights_splits":  # which training notes by itself
            raise InputError(
                f"{folder} holds a run with {key} {found[key]!r}, this one has {value!r}; choose another "
                "--output"
            )


def _result(plan: Plan, row: Row, seed: int) -> dict[str, Any]:
    folder = _folder(plan, row, seed)
    if not (folder / RESULT).exists():
        resume = (folder / "last.ckpt").exists()
        recipe = _recipe(plan, row, seed)
        train(recipe, plan.root, folder, resume=resume, workers=plan.workers)
        write_json(folder / RESULT, _outcome(row, seed, folder))
    return json.loads((folder / RESULT).read_text())


def _outcome(row: Row, seed: int, folder: Path) -> dict[str, Any]:
    run = read_run(folder)
    if run.scores is None:
        raise TrainingError(
            f"{folder} ended without a validation, by which rows are compared; raise --iterations"
        )
    return {
        "row": row.name,
        "seed": seed,
        "classes": len(run.scores.counts),
        "val_miou": run.scores.miou,
        "iteration": run.scores.iteration,
        "iterations": run.recipe.iterations,
        "seconds": sum(start.seconds for start in run.starts),
        "versions": run.starts[-1].versions,
        "git": run.starts[-1].git,
        "hardware": run.starts[-1].hardware,
    }
