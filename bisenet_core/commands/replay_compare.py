"""`bisenet replay compare`: which of two models is better on the same frames."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from bisenet_core.commands.options import JsonFile
from bisenet_core.evaluation.replay.compare import compare as compare_results
from bisenet_core.reports.console import show, table, write_json

First = Annotated[
    Path, typer.Argument(metavar="A", help="results.json of a replay, or its folder.", show_default=False)
]
Second = Annotated[Path, typer.Argument(metavar="B", help="Another, of the same bags.", show_default=False)]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", help="Folder for compare.json, and pictures in compare.html.")
]
Resamples = Annotated[int, typer.Option(min=1, help="Resamples of the bootstrap.")]
Seed = Annotated[int, typer.Option(min=0, help="Of the bootstrap's random numbers.")]
Block = Annotated[int, typer.Option(min=1, help="Successive frames drawn together, such as a second's.")]

_HEADINGS = ("", "A", "B", "B - A", "95% interval")


def compare(
    a: First,
    b: Second,
    output: Output = None,
    resamples: Resamples = 1000,
    seed: Seed = 0,
    block: Block = 1,
    json: JsonFile = None,
) -> None:
    """Side by side, with bootstrap intervals over frames; an asterisk where the interval leaves out 0."""
    result = compare_results(a, b, output, resamples, seed, block)
    title = f"{result['common_frames']} frames in common, {result['scored_frames']} of them with ground truth"
    title += "".join(f"; {key.upper()}: {result[key]['seen_in_training']}" for key in ("a", "b")
                     if result[key]["seen_in_training"])
    show(table(title, rows(result), _HEADINGS))
    if result["most_different"]:
        show(table("Frames that differ most, by mIoU", _frames(result), ("frame", "A", "B", "B - A")))
    write_json(json, result)


def rows(result: dict[str, Any]) -> Iterator[tuple[str, str, str, str, str]]:
    """Rows of the table for the result of ``compare``; "-" where a figure is undefined."""
    by_class = {f"IoU {name}": figure for name, figure in (result["iou"] or {}).items()}
    for name, figure in {**(result["metrics"] or {}), **by_class}.items():
        yield (name, _percent(figure["a"]), _percent(figure["b"]), *_difference(figure))
    for name, figure in result["whole"].items():
        yield name, _number(figure["a"]), _number(figure["b"]), "", ""


def _frames(result: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for frame in result["most_different"]:
        change = f"{100 * frame['difference']:+.2f}"
        yield f"{frame['bag']} {frame['index']}", _percent(frame["a"]), _percent(frame["b"]), change


def _difference(figure: dict[str, float | None]) -> tuple[str, str]:
    change, low, high = figure["difference"], figure["low"], figure["high"]
    if change is None or low is None or high is None:
        return "-", "-"
    clear = " *" if low > 0 or high < 0 else ""
    return f"{100 * change:+.2f}{clear}", f"{100 * low:+.2f} to {100 * high:+.2f}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.2f}%"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
