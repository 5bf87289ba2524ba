"""`bisenet complexity`: parameters and operations of a network, or of all of them."""

from typing import Annotated, Any

import typer
import yaml

from bisenet_core.commands.extras import training_code
from bisenet_core.commands.options import JsonFile, parse_size
from bisenet_core.errors import InputError
from bisenet_core.reports.console import show_table, write_json

Name = Annotated[
    str | None,
    typer.Argument(metavar="[NAME]", help="A network; every one without it.", show_default=False),
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="OPTION=VALUE", help="An option of the network; may be repeated."),
]
Size = Annotated[
    str | None,
    typer.Option(help="WIDTHxHEIGHT.", show_default="1024x512, classification networks 224x224"),
]
Classes = Annotated[
    int | None,
    typer.Option(min=1, help="Number of classes.", show_default="19, classification networks 1000"),
]
ByModule = Annotated[bool, typer.Option("--by-module", help="Also list the modules of the network.")]
Depth = Annotated[int, typer.Option(min=1, help="How deep --by-module goes.")]
Rounds = Annotated[
    int,
    typer.Option("--cpu", min=0, metavar="ROUNDS", help="Also time each network in OpenVINO, this often."),
]
_COSTS = ("params, M", "GMAC", "GFLOPs")
_SEGMENTATION = ((1024, 512), 19)
_CLASSIFICATION = ((224, 224), 1000)  # ImageNet, as the papers count


def complexity(
    name: Name = None, options: Settings = None, size: Size = None, classes: Classes = None,
    by_module: ByModule = False, depth: Depth = 2, cpu: Rounds = 0, json: JsonFile = None
) -> None:
    """Count parameters and operations of a network as deployed."""
    if name is None and (options or by_module):
        raise InputError("--set and --by-module are for one network; give its name")
    wanted = parse_size(size, "--size") if size else None, classes, _settings(options)
    names = [name] if name else training_code("bisenet_core.models.registry").list_models()
    trees = [_count(network, *wanted) for network in names]
    rows = [row for row, _ in trees]
    report: dict[str, Any] = {"networks": rows} if name is None else rows[0]
    if cpu:
        timing = training_code("bisenet_core.benchmarks.cpu_time")
        timing.add_times(rows, cpu)
        report["cpu"] = timing.describe_cpu()
    _show(rows)
    if name and by_module:
        rows[0]["modules"] = modules = _modules(trees[0][1], depth)
        lines = [("  " * part["level"] + part["module"], part["output"], *_costs(part)) for part in modules]
        show_table(f"modules of {name}", lines, ("module", "output", *_COSTS))
    write_json(json, report)


def _settings(texts: list[str] | None) -> dict[str, Any]:
    """``["lambda=0.5"]`` -> ``{"lambda_": 0.5}``; lambda is a word of Python's own."""
    settings = {}
    for text in texts or []:
        option, _, value = text.partition("=")
        try:
            setting = yaml.safe_load(value)
        except (yaml.YAMLError, ValueError):  # such as a date that does not exist
            setting = None
        if not option or setting is None:
            raise InputError(f"--set {text!r}: expected OPTION=VALUE, such as alpha=2")
        settings["lambda_" if option == "lambda" else option] = setting
    return settings


def _count(
    network: str, size: tuple[int, int] | None, classes: int | None, options: dict[str, Any]
) -> tuple[dict[str, Any], Any]:
    """The row of a network and its modules, at the papers' size and classes where no others are asked for."""
    is_segmentation = training_code("bisenet_core.models.registry").is_segmentation(network)
    usual_size, usual_classes = _SEGMENTATION if is_segmentation else _CLASSIFICATION
    size, classes = size or usual_size, classes or usual_classes
    tree = training_code("bisenet_core.models.complexity").complexity_of(network, classes, *size, **options)
    row = {"network": network, "options": options, "classes": classes, "size": "{}x{}".format(*size),
           "parameters": tree.parameters, "macs": tree.macs, "gflops": round(tree.gflops, 4)}
    return row, tree


def _show(rows: list[dict[str, Any]]) -> None:
    precisions = list(rows[0].get("cpu_ms", {}))
    headings = ("network", "size", *_COSTS, *(f"{name}, ms" for name in precisions))
    lines = [(row["network"], row["size"], *_costs(row),
              *(f"{value:.1f}" for value in row.get("cpu_ms", {}).values())) for row in rows]
    show_table("bisenet complexity", lines, headings)


def _costs(row: dict[str, Any]) -> list[str]:
    """The columns ``_COSTS``."""
    return [f"{count:.3f}" for count in (row["parameters"] / 1e6, row["macs"] / 1e9, row["gflops"])]


def _modules(tree: Any, depth: int) -> list[dict[str, Any]]:
    """Modules that cost something, each with its level below the network."""
    return [
        {"level": level, "module": part.name, "kind": part.kind, "parameters": part.parameters,
         "macs": part.macs, "gflops": round(part.gflops, 6), "output": "x".join(map(str, part.shape))}
        for level, part in tree.walk(depth)
        if part.operations or part.parameters
    ]
