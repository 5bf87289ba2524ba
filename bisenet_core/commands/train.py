"""`bisenet train`: runs a recipe."""

from pathlib import Path
from typing import Annotated

import typer

from bisenet_core.commands.extras import training_code
from bisenet_core.commands.options import JsonFile
from bisenet_core.evaluation.console import show, table, write_json

Config = Annotated[Path, typer.Option(help="A recipe such as training/recipes/camvid_bisenetv2_cpu.yaml.")]
Root = Annotated[Path | None, typer.Option(help="The data set's folder.", show_default="data/<data set>")]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="Folder for checkpoints and metrics.", show_default="runs/<recipe>"),
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on from OUTPUT/last.ckpt.")]
Weights = Annotated[Path | None, typer.Option(help="Begin with this checkpoint's network.")]
Workers = Annotated[int, typer.Option(min=0, help="Processes that read the data.")]


def train(
    config: Config,
    root: Root = None,
    output: Output = None,
    resume: Resume = False,
    weights: Weights = None,
    workers: Workers = 1,
    json: JsonFile = None,
) -> None:
    """Train a network as a recipe says and keep the checkpoint that is best on the validation split."""
    training = training_code("bisenet_core.learning.train")
    recipe = training_code("bisenet_core.learning.recipe").Recipe.load(config)
    root, output = root or Path("data") / recipe.dataset, output or Path("runs") / recipe.name
    best = training.train(recipe, root, output, resume=resume, workers=workers, weights=weights)
    summary = {"recipe": recipe.name, "checkpoint": str(best), "miou": _validation_miou(best)}
    show(table("bisenet train", [(key, str(value)) for key, value in summary.items()]))
    write_json(json, summary)


def _validation_miou(checkpoint: Path) -> float | None:
    callbacks = training_code("torch").load(checkpoint, map_location="cpu", weights_only=True)["callbacks"]
    scores = [state["best_model_score"] for state in callbacks.values() if state.get("monitor") == "val_miou"]
    return float(scores[0]) if scores else None
