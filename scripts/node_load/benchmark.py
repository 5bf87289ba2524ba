"""Benchmark the real node: `.venv/bin/python scripts/node_load/benchmark.py --rate 10`.

Each camera and the node are processes of their own, on a ROS domain of their own; this process receives the
labels. Several values of --cameras and --transport are measured one after the other.
"""

import argparse
import os
import sys
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmark_chart import draw_benchmark
from measurement import measure
from node_under_load import NodeUnderLoad, Sending

from bisenet_core.commands.options import parse_size
from bisenet_core.reports.console import show_table, track, write_json
from bisenet_core.reports.figures import require_matplotlib
from bisenet_core.runtime.model_card import resolve_model
from bisenet_ros.harness.tool import add_model_options, let_large_images_through, run_tool

# Rows of the table: what is said, and the figure it is taken from.
_LINES = {
    "images sent": "{sent}",
    "received by the node": "{received}",
    "labels at the planner": "{labels_received}",
    "dropped": "{dropped}",
    "failed": "{failed}",
    "latency p50, ms": "{latency_ms[p50]:.1f}",
    "latency p99, ms": "{latency_ms[p99]:.1f}",
    "Segmenter p50, ms": "{node_ms[segment][p50]:.1f}",
    "wait for it p50, ms": "{node_ms[wait][p50]:.1f}",
    "node's own p50, ms": "{node_ms[own][p50]:.1f}",
    "node's own p99, ms": "{node_ms[own][p99]:.1f}",
    "CPU of the node, %": "{cpu_percent[node]:.0f}",
    "without the Segmenter, %": "{cpu_percent[node_without_segmenter]:.0f}",
    "CPU of the planner, %": "{cpu_percent[planner]:.0f}",
    "CPU of a camera, %": "{cpu_percent[camera0]:.0f}",
}


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark. Exit status: 2 bad input, or a process ended; 130 Ctrl-C."""
    return run_tool("benchmark", partial(run, _parser().parse_args(arguments)))


def run(options: argparse.Namespace) -> int:
    """Measure each number of cameras over each transport; show and write the figures."""
    if options.plot:
        require_matplotlib()
    width, height = parse_size(options.size, "--size")
    parameters = {"model": resolve_model(options.model).resolve(), "backend": options.backend,
                  "precision": options.precision}
    let_large_images_through(os.environ, "benchmark")
    setups, rows = list(product(options.cameras, options.transport)), []
    for cameras, transport in track(setups, len(setups), "measuring"):
        measured = _measure(options, dict(parameters, image_transport=transport), cameras)
        rows.append(dict(measured, cameras=cameras, transport=transport))
    title = "{}x{} at {:g} Hz; {model} at {input_size}, {backend} {precision} on {device}".format(
        width, height, options.rate, **rows[0]["runs"])
    headings = ("", *("{cameras} x {transport}".format(**row) for row in rows))
    lines = [(name, *(template.format(**row) for row in rows)) for name, template in _LINES.items()]
    show_table("node: " + title, lines, headings)
    write_json(options.json, {"size": options.size, "rate": options.rate, "rows": rows})
    if options.plot:
        draw_benchmark(options.plot, rows, title)
    return 0


def _measure(options: argparse.Namespace, parameters: dict[str, Any], cameras: int) -> dict[str, Any]:
    folder = options.output / "{}_{}".format(cameras, parameters["image_transport"])
    images = max(1, round(options.seconds * options.rate))
    with NodeUnderLoad(parameters, folder, cameras) as load:
        return measure(load, Sending(options.size, options.rate, images))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="benchmark", description=__doc__.splitlines()[0])
    add_model_options(parser)
    parser.add_argument("--size", default="2048x1024", help="of the images (default: %(default)s)")
    parser.add_argument("--rate", type=_positive, default=10.0, help="images a second (default: %(default)s)")
    parser.add_argument("--seconds", type=_positive, default=20.0, help="of playing (default: %(default)s)")
    parser.add_argument("--cameras", type=int, nargs="+", choices=(1, 2, 3, 4), default=[1])
    parser.add_argument("--transport", nargs="+", choices=("raw", "compressed"), default=["raw"])
    parser.add_argument("--output", type=Path, default=Path("benchmark_output"), help="for the logs")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    parser.add_argument("--plot", type=Path, metavar="DIR", help="draw them, as PNG and SVG")
    return parser


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < 1e4:
        raise argparse.ArgumentTypeError("expected a number above 0, below 10000")
    return value


if __name__ == "__main__":
    sys.exit(main())
