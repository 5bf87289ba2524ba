"""`bisenet data`: check a data set before training on it."""

import logging
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Annotated, Any

import typer

from bisenet_core.commands.extras import training_code
from bisenet_core.commands.options import JsonFile, Root
from bisenet_core.errors import InputError, printable
from bisenet_core.images.orientation import HOW_TO_TURN
from bisenet_core.labels.label_space import UNLABELED
from bisenet_core.reports.console import progress_bar, show_table, write_json

logger = logging.getLogger(__name__)

data = typer.Typer(no_args_is_help=True, help="Data sets on disk.")

Dataset = Annotated[
    str, typer.Option(help="camvid, cityscapes, ade20k, cocostuff, imagenet; of one's own: folder, list.")
]
Split = Annotated[
    str | None,
    typer.Option(help="train, val or test, or several joined by +.", show_default="each that is there"),
]
Workers = Annotated[int, typer.Option(min=1, help="Threads that read the data.")]


@data.callback()
def _data() -> None:
    """Data sets on disk."""  # with it, the only command there is has to be named


@data.command()
def check(
    dataset: Dataset, root: Root, split: Split = None, workers: Workers = 2, json: JsonFile = None
) -> None:
    """Read all images and labels; list what is wrong with them, their sizes and their classes.

    The exit status is 2 where anything is wrong: a file without its other half, a truncated one, labels of
    another size than their image, or of a class that the data set does not have.
    """
    find_splits, find = _finders(training_code("bisenet_core.learning.datasets"), dataset)
    splits = [split] if split else find_splits(root)
    found = {name: _survey_split(partial(find, root, name), workers, f"{dataset} {name}") for name in splits}
    _show(f"{dataset} below {root}", found)
    write_json(json, {"dataset": dataset, "root": str(root), "splits": found})
    turns = [path for content in found.values() for path in content["not_turned"]]
    if turns:
        logger.warning("%s below %s: %d %s; first: %s", dataset, root, len(turns), HOW_TO_TURN, turns[0])
    problems = [line for content in found.values() for line in content["problems"]]
    print(*map(printable, problems), sep="\n", end="\n" if problems else "")
    if problems:
        raise InputError(f"{dataset} below {root}: problems found: {len(problems)}, each in a line above")


def _finders(library: ModuleType, dataset: str) -> tuple[Callable[..., list[str]], Callable[..., Any]]:
    """What lists the splits below a root, and what opens one of them."""
    if dataset == "imagenet":
        return library.classification_splits, library.open_classification
    return partial(library.splits_of, dataset), partial(library.find_dataset, dataset)


def _survey_split(find: Callable[[], Any], workers: int, name: str) -> dict[str, Any]:
    """What is in a split, as the JSON file has it. One that cannot be opened has this for its problem."""
    try:
        files = find()
    except InputError as error:
        empty = {"images": 0, "sizes": {}, "classes": {}, "unlabelled": 0, "not_turned": []}
        return {**empty, "problems": [str(error)]}
    survey = training_code("bisenet_core.learning.datasets").survey
    with progress_bar() as bar:
        task = bar.add_task(f"reading {printable(name)}", total=len(files), note="")
        result = survey(files, workers, lambda images: bar.advance(task, images))
    return {
        "images": sum(result.sizes.values()),
        "sizes": {f"{width}x{height}": count for (width, height), count in result.sizes.most_common()},
        "classes": {name: result.counts[index] for index, name in enumerate(files.class_names)},
        "unlabelled": 0 if len(files.class_names) > UNLABELED else result.counts[UNLABELED],
        "not_turned": result.not_turned,
        "problems": result.problems,
    }


def _show(title: str, found: dict[str, dict[str, Any]]) -> None:
    """A column for each split: counts of its classes and, in brackets, their shares of all."""
    contents = list(found.values())
    names = list(dict.fromkeys(name for content in contents for name in content["classes"]))
    rows = [
        (name, *(_format_share(content, content["classes"].get(name, 0)) for content in contents))
        for name in names
    ]
    rows.append(("(unlabelled)", *(_format_share(content, content["unlabelled"]) for content in contents)))
    rows.append(("images", *(str(content["images"]) for content in contents)))
    rows.append(("sizes", *(_commonest(content["sizes"]) for content in contents)))
    rows.append(("problems", *(str(len(content["problems"])) for content in contents)))
    show_table(title, rows, ("class", *found))


def _format_share(content: dict[str, Any], count: int) -> str:
    total = sum(content["classes"].values()) + content["unlabelled"]
    return f"{count:,} ({100 * count / max(total, 1):6.2f} %)"


def _commonest(sizes: dict[str, int]) -> str:
    """The commonest, and how many others there are."""
    if len(sizes) <= 1:
        return "".join(sizes)
    first, count = next(iter(sizes.items()))
    return f"{count} of {first}, {sum(sizes.values()) - count} of {len(sizes) - 1} others"
