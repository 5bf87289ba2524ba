"""`bisenet replay compare`: which of two models is better on the same frames."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from bisenet_core.commands.options import JsonFile
from bisenet_core.errors import printable
from bisenet_core.evaluation.replay.compare import compare as compare_results
from bisenet_core.reports.console import show, table, write_json
from bisenet_core.reports.replay.comparison import HEADINGS, figure_rows, part_tables
from bisenet_core.reports.replay.figure_names import FIGURES

First = Annotated[
    Path, typer.Argument(metavar="A", help="results.json of a replay, or its folder.", show_default=False)
]
Second = Annotated[Path, typer.Argument(metavar="B", help="Another, of the same bags.", show_default=False)]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", help="Folder for compare.json, and pictures in compare.html.")
]
Resamples = Annotated[int, typer.Option(min=1, help="Resamples of the bootstrap.")]
Seed = Annotated[int, typer.Option(min=0, help="Of the bootstrap's random numbers.")]
Block = Annotated[
    int | None, typer.Option(min=1, help="Successive frames drawn together.", show_default="those of 2 s")
]


def compare(
    a: First,
    b: Second,
    output: Output = None,
    resamples: Resamples = 1000,
    seed: Seed = 0,
    block: Block = None,
    json: JsonFile = None,
) -> None:
    """Say which of two evaluations is better, by how much, and on which classes and frames."""
    result = compare_results(a, b, output, resamples, seed, block)
    title = f"{result['common_frames']} frames in common, {result['scored_frames']} of them with ground truth"
    title += "".join(f"; {key.upper()}: {result[key]['seen_in_training']}" for key in ("a", "b")
                     if result[key]["seen_in_training"])
    typer.echo(printable(result["verdict"]))
    show(table(f"{title}; {result['bootstrap']['method']}", figure_rows(result), HEADINGS))
    for place, (part, rows) in enumerate(part_tables(result).items()):
        if not place or not part.endswith("by class"):  # compare.html has the others
            show(table(part, rows, HEADINGS))
    if result["most_different"]:
        show(table("Frames that decide, by their mean IoU", _frames(result), ("frame", "A", "B", "B - A")))
    write_json(json, result)


def _frames(result: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    iou = FIGURES["iou"]
    for frame in result["most_different"]:
        scores = iou.text(frame["a"]), iou.text(frame["b"]), iou.change(frame["difference"])
        yield (f"{frame['bag']} {frame['index']}", *scores)
