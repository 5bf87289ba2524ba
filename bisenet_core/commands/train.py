"""`bisenet train`: run a recipe."""

import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from bisenet_core.commands.extras import shown_score, training_code, validation_score
from bisenet_core.commands.options import JsonFile
from bisenet_core.errors import InputError, explain_os_errors, printable
from bisenet_core.reports.console import show_table, write_json
from bisenet_core.runtime.memory import keep_freed_memory

Config = Annotated[
    Path, typer.Option(help="A recipe's file, or the name of one in training/recipes: camvid_bisenetv2_cpu.")
]
Root = Annotated[Path | None, typer.Option(help="The data set's folder.", show_default="data/<data set>")]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="For checkpoints and metrics.", show_default="runs/<recipe's file>"),
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on from OUTPUT/last.ckpt, exactly.")]
ChangedData = Annotated[
    bool, typer.Option("--changed-data", help="With --resume: also where files have come or gone since.")
]
Weights = Annotated[
    Path | None, typer.Option(help="Begin with this checkpoint or model folder, of the same classes.")
]
Backbone = Annotated[
    Path | None,
    typer.Option(help="Begin with the trunk in this file, checkpoint or model folder, for other classes."),
]
Teacher = Annotated[
    Path | None, typer.Option(help="Learn what this checkpoint or model folder says of each pixel, too.")
]
TeacherCache = Annotated[
    Path | None, typer.Option(help="Where soft labels are kept.", show_default="OUTPUT/teacher")
]
Unlabelled = Annotated[
    list[Path] | None, typer.Option(help="A folder of images without labels, for the teacher to label.")
]
Workers = Annotated[int, typer.Option(min=0, help="Processes that read the data, for each that trains.")]
SaveEvery = Annotated[float, typer.Option(min=0, help="Minutes from one last.ckpt to the next.")]
Devices = Annotated[
    str,
    typer.Option(help="Per machine: a number, all, or auto: as torchrun or srun has started, otherwise one."),
]
Nodes = Annotated[int | None, typer.Option(min=1, help="Machines.", show_default="as started, or 1")]
Accelerator = Annotated[str, typer.Option(help="auto, gpu or cpu.")]
Strategy = Annotated[str, typer.Option(help="How processes work together: auto, or one of Fabric's.")]


def train(
    config: Config, root: Root = None, output: Output = None, resume: Resume = False,
    changed_data: ChangedData = False, weights: Weights = None, backbone: Backbone = None,
    teacher: Teacher = None, teacher_cache: TeacherCache = None, unlabelled: Unlabelled = None,
    workers: Workers = 1, save_every: SaveEvery = 10.0, devices: Devices = "auto", nodes: Nodes = None,
    accelerator: Accelerator = "auto", strategy: Strategy = "auto", json: JsonFile = None
) -> None:
    """Train a network as a recipe says and keep the checkpoint that is best on the validation split.

    SIGTERM or Ctrl-C saves the run after the step it is at, for --resume, and ends with status 128 plus the
    signal's number.
    """
    keep_freed_memory()
    training = training_code("bisenet_core.learning.train")
    recipe = training_code("bisenet_core.learning.recipe").Recipe.load(config)
    root, output = root or Path("data") / recipe.dataset, output or Path("runs") / config.stem
    if not resume and config.resolve() == (output / "recipe.yaml").resolve():
        raise InputError(f"--output {output} would replace the recipe {config}; choose another folder")
    is_new = not output.exists()
    with explain_os_errors(f"cannot make the folder {output}", "choose another --output"):
        output.mkdir(parents=True, exist_ok=True)
    try:
        best = training.train(
            recipe, root, output, resume=resume, changed_data=changed_data, workers=workers, weights=weights,
            backbone=backbone, teacher=teacher, teacher_cache=teacher_cache, unlabelled=unlabelled or (),
            devices=devices, nodes=nodes, accelerator=accelerator, strategy=strategy, save_every=save_every
        )  # fmt: skip
    except InputError as error:
        if is_new:
            with suppress(OSError):  # it holds something, or another process was faster
                output.rmdir()
        text = str(error)  # PyTorch wraps that of a worker process in its traceback
        own = text.rsplit("InputError: ", 1)[-1] if "Original Traceback" in text else text
        raise InputError(own) from None
    except training.RunStoppedError as stopped:
        raise SystemExit(_print_how_to_resume(stopped, output)) from None
    if training.is_first_process():
        score = validation_score(best)
        summary = {"recipe": recipe.name, "checkpoint": str(best)}
        show_table("bisenet train", [*summary.items(), *shown_score(score)])
        write_json(json, {**summary, **score})


def _print_how_to_resume(stopped: Any, output: Path) -> int:
    """Exit status; 0 for a process that another one has started, which that one would take for a failure."""
    if not training_code("bisenet_core.learning.train").is_first_process():
        return 0
    print(printable(f"bisenet: {stopped}; go on with --resume --output {output}"), file=sys.stderr)
    return 128 + stopped.signal
