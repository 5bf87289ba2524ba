"""What `bisenet complexity --plot` draws."""

from pathlib import Path
from typing import Annotated, Any

import typer

from bisenet_core.commands.extras import training_code
from bisenet_core.commands.options import parse_size
from bisenet_core.errors import InputError
from bisenet_core.reports.figures import require_matplotlib
from bisenet_core.reports.networks.charts import DATASETS, Measured, draw_charts
from bisenet_core.reports.networks.cpu_speed import CpuSpeed
from bisenet_core.reports.networks.network_drawing import draw_network
from bisenet_core.reports.networks.published_results import PUBLISHED
from bisenet_core.reports.networks.recorded_results import recorded_results
from bisenet_core.reports.networks.result import Result
from bisenet_core.runtime.model_search import weights_search_path

Plot = Annotated[
    Path | None,
    typer.Option(
        "--plot",
        metavar="DIR",
        help="Also draw the stages of NAME or, without NAME, of every network, and accuracy against "
        "operations and speed.",
    ),
]
Timings = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="For --plot: times from the --json of an earlier run with --cpu."),
]



class Pictures:
    """Drawings of the networks and, with ``charts``, of all their results. Without a folder it does nothing.

    Raises InputError at once where nothing could be drawn later.
    """

    def __init__(self, folder: Path | None, timings: Path | None, charts: bool) -> None:
        if timings and not (folder and charts):
            raise InputError("--timings is for the charts; give --plot, and no name of a network")
        if folder:
            require_matplotlib()
        self._folder, self._charts = folder, charts
        self._earlier = CpuSpeed.load(timings) if timings else None
        self._results = _results() if folder and charts else []

    def subjects(self) -> list[tuple[str, tuple[int, int], int, dict[str, Any]]]:
        """Network, input size, number of classes and options of each result in the charts."""
        return [
            (result.network, result.size, result.num_classes, result.options)
            for result in self._results
            if result.size
        ]

    def draw(self, rows: list[dict[str, Any]], charted: list[dict[str, Any]], report: dict[str, Any]) -> None:
        """Write the pictures: ``rows`` as counted, a row for each of ``subjects()``, all that was found."""
        if not self._folder:
            return
        is_segmentation = training_code("bisenet_core.models.registry").is_segmentation
        for row in rows:
            if is_segmentation(row["network"]) or not self._charts:
                _draw_network(self._folder, row)
        if self._charts:
            speed = self._earlier or (CpuSpeed(report) if "cpu" in report else None)
            measured = [
                Measured(result, row["gflops"], speed.frames_per_second(row) if speed else None)
                for result, row in zip(self._results, charted)
            ]
            draw_charts(self._folder, measured, speed.label if speed else None)


def _results() -> list[Result]:
    """Of networks that we have, where the input size and the score on the test set are known."""
    known = training_code("bisenet_core.models.registry").list_models()
    results = [*PUBLISHED, *recorded_results(weights_search_path(), DATASETS)]
    return [result for result in results if result.network in known and result.size and result.test]


def _draw_network(folder: Path, row: dict[str, Any]) -> None:
    settings = "".join(f", {name.rstrip('_')} {value}" for name, value in row["options"].items())
    caption = "{}{}: {:.2f} M parameters, {:.2f} GFLOPs".format(
        row["network"], settings, row["parameters"] / 1e6, row["gflops"]
    )
    draw_network(folder, row["network"], row["tree"], parse_size(row["size"], "--size"), caption)
