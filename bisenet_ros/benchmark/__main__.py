"""Benchmark the real node: `python -m bisenet_ros.benchmark --size 2048x1024 --rate 10 --cameras 1`.

Each camera, the node and a planner are processes of their own, on a ROS domain of their own. Several values
of --cameras and --transport are measured one after the other.
"""

import argparse
import os
import signal
import sys
from itertools import product
from pathlib import Path
from typing import Any

from bisenet_core.commands.options import parse_size
from bisenet_core.errors import InputError
from bisenet_core.reports.console import show, table, track, write_json
from bisenet_core.reports.figures import require_matplotlib
from bisenet_core.runtime.model_card import resolve_model
from bisenet_ros.benchmark.chart import draw_benchmark
from bisenet_ros.benchmark.measurement import Measurement
from bisenet_ros.harness.isolation import isolate, let_large_images_through
from bisenet_ros.harness.parties import Parties, Setting

BAD_INPUT, INTERRUPTED = 2, 130


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark. Exit status: 2 bad input, or a process ended; 130 Ctrl-C."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    isolate(os.environ)
    try:
        run(options)
    except InputError as error:
        print("benchmark: {}".format(error), file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        print("benchmark: interrupted", file=sys.stderr)
        return INTERRUPTED
    return 0


def run(options: argparse.Namespace) -> None:
    """Measure every setting; show and write what came of it."""
    if options.plot:
        require_matplotlib()
    width, height = parse_size(options.size, "--size")
    settings = [_setting(options, cameras, transport)
                for cameras, transport in product(options.cameras, options.transport)]
    let_large_images_through(os.environ, "benchmark")
    rows = []
    for setting in track(settings, len(settings), "measuring"):
        folder = options.output / "{}_{}".format(setting.cameras, setting.transport)
        with Parties(setting, folder) as parties:
            measured = Measurement(parties).run()
        rows.append(dict(measured, cameras=setting.cameras, transport=setting.transport))
    title = "{}x{} at {:g} Hz; {model} at {input_size}, {backend} {precision} on {device}".format(
        width, height, options.rate, **rows[0]["runs"])
    headings = ("", *("{cameras} x {transport}".format(**row) for row in rows))
    show(table("node: " + title, _lines(rows), headings))
    write_json(options.json, {"size": options.size, "rate": options.rate, "rows": rows})
    if options.plot:
        draw_benchmark(options.plot, rows, title)


def _setting(options: argparse.Namespace, cameras: int, transport: str) -> Setting:
    parameters = {"backend": options.backend, "precision": options.precision}
    images = max(1, round(options.seconds * options.rate))
    model = str(resolve_model(options.model).resolve())
    return Setting(model, parameters, options.size, options.rate, cameras, transport, images)


def _lines(rows: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    def line(name: str, template: str) -> tuple[str, ...]:
        return (name, *(template.format(**row) for row in rows))

    return [
        line("images sent", "{sent}"),
        line("received by the node", "{received}"),
        line("labels at the planner", "{labels_received}"),
        line("dropped", "{dropped}"),
        line("failed", "{failed}"),
        line("latency p50, ms", "{latency_ms[p50]:.1f}"),
        line("latency p99, ms", "{latency_ms[p99]:.1f}"),
        line("Segmenter p50, ms", "{node_ms[segment][p50]:.1f}"),
        line("wait for it p50, ms", "{node_ms[wait][p50]:.1f}"),
        line("node's own p50, ms", "{node_ms[own][p50]:.1f}"),
        line("node's own p99, ms", "{node_ms[own][p99]:.1f}"),
        line("CPU of the node, %", "{cpu_percent[node]:.0f}"),
        line("without the Segmenter, %", "{cpu_percent[node_without_segmenter]:.0f}"),
        line("CPU of the planner, %", "{cpu_percent[planner]:.0f}"),
        line("CPU of a camera, %", "{cpu_percent[camera0]:.0f}"),
    ]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="benchmark", description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="camvid_bisenetv2", help="a folder or name (default: %(default)s)")
    parser.add_argument("--backend", default="auto")
    parser.add_argument("--precision", default="auto")
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
