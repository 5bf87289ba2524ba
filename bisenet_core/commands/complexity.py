"""`bisenet complexity`: parameters and operations of a network, or of all of them."""

from statistics import median
from typing import Annotated, Any

import typer
import yaml

from bisenet_core.commands.complexity_pictures import Pictures, Plot, Timings
from bisenet_core.commands.extras import training_code
from bisenet_core.commands.options import JsonFile, parse_size
from bisenet_core.errors import InputError
from bisenet_core.reports.console import show, table, track, write_json
from bisenet_core.reports.networks.cpu_speed import describe_cpu, subject_of

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


_SEGMENTATION = ((1024, 512), 19)
_CLASSIFICATION = ((224, 224), 1000)  # ImageNet, as the papers count


def complexity(
    name: Name = None,
    options: Settings = None,
    size: Size = None,
    classes: Classes = None,
    by_module: ByModule = False,
    depth: Depth = 2,
    cpu: Rounds = 0,
    plot: Plot = None,
    timings: Timings = None,
    json: JsonFile = None,
) -> None:
    """Count parameters and operations of a network as deployed."""
    if name is None and (options or by_module):
        raise InputError("--set and --by-module are for one network; give its name")
    pictures = Pictures(plot, timings, charts=name is None)
    registry = training_code("bisenet_core.models.registry")
    settings = _settings(options or [])
    wanted_size = parse_size(size, "--size") if size else None
    rows = []
    for network in [name] if name else registry.list_models():
        usual = _SEGMENTATION if registry.is_segmentation(network) else _CLASSIFICATION
        rows.append(_count(network, wanted_size or usual[0], classes or usual[1], settings))
    charted = [_count(*subject) for subject in pictures.subjects()]
    if cpu:
        _time([*rows, *charted], cpu)
    show(_summary(rows))
    if name and by_module:
        rows[0]["modules"] = _modules(rows[0]["tree"], depth)
        show(_module_table(name, rows[0]["modules"]))
    report: dict[str, Any] = {"networks": _plain(rows), "charted": _plain(charted)}
    if name:
        report = report["networks"][0]
    if cpu:
        report["cpu"] = describe_cpu()
    write_json(json, report)
    pictures.draw(rows, charted, report)


def _plain(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in row.items() if key != "tree"} for row in rows]


def _settings(texts: list[str]) -> dict[str, Any]:
    """``["lambda=0.5"]`` -> ``{"lambda_": 0.5}``; lambda is a word of Python's own."""
    settings = {}
    for text in texts:
        option, _, value = text.partition("=")
        try:
            setting = yaml.safe_load(value)
        except (yaml.YAMLError, ValueError):  # such as a date that does not exist
            setting = None
        if not option or setting is None:
            raise InputError(f"--set {text!r}: expected OPTION=VALUE, such as alpha=2")
        settings["lambda_" if option == "lambda" else option] = setting
    return settings


def _count(network: str, size: tuple[int, int], classes: int, options: dict[str, Any]) -> dict[str, Any]:
    counting = training_code("bisenet_core.models.complexity")
    tree = counting.complexity_of(network, classes, *size, **options)
    return {
        "network": network,
        "options": options,
        "classes": classes,
        "size": "{}x{}".format(*size),
        "parameters": tree.parameters,
        "macs": tree.macs,
        "gflops": round(tree.gflops, 4),
        "tree": tree,
    }


def _time(rows: list[dict[str, Any]], rounds: int) -> None:
    """Add "cpu_ms": median milliseconds by precision, all networks run in turn."""
    distinct = {subject_of(row): row for row in rows}
    subjects = [
        (row["network"], row["classes"], parse_size(row["size"], "--size"), row["options"])
        for row in distinct.values()
    ]
    timer = training_code("bisenet_core.benchmarks.cpu_time").CpuTimer(subjects)
    found = list(track(timer.rounds(rounds), rounds, "timing"))
    position = {subject: index for index, subject in enumerate(distinct)}
    for row in rows:
        index = position[subject_of(row)]
        row["cpu_ms"] = {
            precision: round(median(one[index][precision] for one in found), 2)
            for precision in timer.precisions
        }


def _summary(rows: list[dict[str, Any]]) -> Any:
    precisions = list(rows[0].get("cpu_ms", {}))
    headings = ("network", "size", "params, M", "GMAC", "GFLOPs", *(f"{name}, ms" for name in precisions))
    return table("bisenet complexity", [_line(row) for row in rows], headings)


def _line(row: dict[str, Any]) -> tuple[str, ...]:
    counts = (row["parameters"] / 1e6, row["macs"] / 1e9, row["gflops"])
    times = (f"{value:.1f}" for value in row.get("cpu_ms", {}).values())
    return (row["network"], row["size"], *(f"{count:.3f}" for count in counts), *times)


def _modules(tree: Any, depth: int) -> list[dict[str, Any]]:
    """Modules that cost something, each with its level below the network."""
    return [
        {
            "level": level,
            "module": part.name,
            "kind": part.kind,
            "parameters": part.parameters,
            "macs": part.macs,
            "gflops": round(part.gflops, 6),
            "output": "x".join(map(str, part.shape)),
        }
        for level, part in tree.walk(depth)
        if part.operations or part.parameters
    ]


def _module_table(name: str, modules: list[dict[str, Any]]) -> Any:
    rows = [
        (
            "  " * row["level"] + row["module"],
            row["output"],
            *(f"{value:.3f}" for value in (row["parameters"] / 1e6, row["macs"] / 1e9, row["gflops"])),
        )
        for row in modules
    ]
    return table(f"modules of {name}", rows, ("module", "output", "params, M", "GMAC", "GFLOPs"))
