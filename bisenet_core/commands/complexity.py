"""`bisenet complexity`: parameters and operations of a network, or of all of them."""

from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from bisenet_core.commands.complexity_timing import CpuSpeed, add_times, describe_cpu
from bisenet_core.commands.extras import training_code
from bisenet_core.commands.options import JsonFile, parse_size
from bisenet_core.errors import InputError
from bisenet_core.reports.console import show, table, write_json
from bisenet_core.reports.figures import require_matplotlib
from bisenet_core.reports.networks.charts import DATASETS, Measured, draw_charts
from bisenet_core.reports.networks.results import PUBLISHED, Result, recorded_results
from bisenet_core.runtime.model_search import weights_search_path

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
Plot = Annotated[
    Path | None,
    typer.Option(
        "--plot",
        metavar="DIR",
        help="Without NAME: also draw accuracy against operations and against speed, of all networks.",
    ),
]
Timings = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="For --plot: times from the --json of an earlier run with --cpu."),
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
    _check_options(name, bool(options or by_module), plot, timings)
    speed = CpuSpeed.load(timings) if timings else None
    registry = training_code("bisenet_core.models.registry")
    wanted = parse_size(size, "--size") if size else None, classes, _settings(options)
    rows = [_count_as_usual(network, *wanted) for network in ([name] if name else registry.list_models())]
    results = _results(registry.list_models()) if plot else []
    charted = [_count(one.network, one.size, one.num_classes, one.options) for one in results if one.size]
    if cpu:
        add_times([*rows, *charted], cpu)
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
    if plot:
        _draw(plot, results, charted, speed or (CpuSpeed(report) if cpu else None))


def _check_options(name: str | None, of_one_network: bool, plot: Path | None, timings: Path | None) -> None:
    """Refuse at once what could not be done later."""
    if name is None and of_one_network:
        raise InputError("--set and --by-module are for one network; give its name")
    if name and plot:
        raise InputError("--plot draws the charts of all networks; leave the name out")
    if timings and not plot:
        raise InputError("--timings is for the charts; give --plot too")
    if plot:
        require_matplotlib()


def _results(known: list[str]) -> list[Result]:
    """Of ``known`` networks, where the input size and the score on the test set are known."""
    results = [*PUBLISHED, *recorded_results(weights_search_path(), DATASETS)]
    return [result for result in results if result.network in known and result.size and result.test]


def _draw(
    folder: Path, results: list[Result], charted: list[dict[str, Any]], speed: CpuSpeed | None
) -> None:
    """Write the charts of ``results``, each of them counted in the row of ``charted`` at its place."""
    measured = [
        Measured(result, row["gflops"], speed.frames_per_second(row) if speed else None)
        for result, row in zip(results, charted)
    ]
    draw_charts(folder, measured, speed.label if speed else None)


def _plain(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in row.items() if key != "tree"} for row in rows]


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


def _count_as_usual(
    network: str, size: tuple[int, int] | None, classes: int | None, options: dict[str, Any]
) -> dict[str, Any]:
    """Count at the size and number of classes that the papers do, where no other is asked for."""
    is_segmentation = training_code("bisenet_core.models.registry").is_segmentation(network)
    usual_size, usual_classes = _SEGMENTATION if is_segmentation else _CLASSIFICATION
    return _count(network, size or usual_size, classes or usual_classes, options)


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
