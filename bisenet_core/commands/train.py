"""`bisenet train`: runs a recipe."""

from pathlib import Path
from typing import Annotated

import typer

from bisenet_core.commands.extras import training_code, validation_miou
from bisenet_core.commands.options import JsonFile
from bisenet_core.errors import InputError
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
    _check_output(output, resume)
    try:
        best = training.train(recipe, root, output, resume=resume, workers=workers, weights=weights)
    except InputError as error:
        raise InputError(_said_by_a_worker(str(error))) from None
    if not best.exists():
        raise InputError(
            f"no checkpoint was written: the training images of {root} do not fill one batch of "
            f"{recipe.batch_size}; lower batch_size in {config}"
        )
    summary = {"recipe": recipe.name, "checkpoint": str(best), "miou": validation_miou(best)}
    show(table("bisenet train", [(key, str(value)) for key, value in summary.items()]))
    write_json(json, summary)


def _check_output(output: Path, resume: bool) -> None:
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"cannot make the folder {output}: {error.strerror}; choose another --output"
        ) from None
    last = output / "last.ckpt"
    if resume and last.exists():
        training_code("bisenet_core.learning.checkpoint").read_checkpoint(last)


def _said_by_a_worker(text: str) -> str:
    """The error's own line, where PyTorch has wrapped it in the traceback of a worker process."""
    return text.rsplit("InputError: ", 1)[-1] if "Original Traceback" in text else text
