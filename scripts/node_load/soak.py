"""Soak the real node: `.venv/bin/python scripts/node_load/soak.py --minutes 30 --output soak_output`.

A camera sends more than the network can take and is replaced by another one every minute; one image in five
is white, for which the network of a copy of the model gives no numbers. Memory, threads and file descriptors
of the node are sampled; at the end its account must close, and agree with what was sent and received.
"""

import argparse
import os
import sys
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from faulty_model import write_faulty_model
from node_under_load import NodeUnderLoad, Sending
from soak_chart import draw_soak
from soak_run import Soak
from soak_samples import Sample

from bisenet_core.commands.options import parse_size
from bisenet_core.errors import printable
from bisenet_core.reports.console import progress_bar, show_table, write_json
from bisenet_core.reports.figures import require_matplotlib
from bisenet_core.runtime.model_card import resolve_model
from bisenet_ros.harness.node_process import make_writable
from bisenet_ros.harness.tool import FAILED, add_model_options, let_large_images_through, run_tool


def main(arguments: list[str] | None = None) -> int:
    """Run the soak. Exit status: 1 a problem, as an account that does not close or a process that ends; 2 bad
    input; 130 Ctrl-C before the cameras play, or twice.
    """
    return run_tool("soak", partial(run, _parser().parse_args(arguments)))


def run(options: argparse.Namespace) -> int:
    """Soak, and write soak.json, soak.png and soak.svg."""
    require_matplotlib()
    let_large_images_through(os.environ, "soak")
    with NodeUnderLoad(_parameters(options), options.output) as load, progress_bar() as progress:
        load.wait_until_active()
        load.start_cameras(Sending(options.size, options.rate, white=True))
        task = progress.add_task("soaking", total=round(60 * options.minutes), note="")
        soak = Soak(load, options.restart_every, options.sample_every)

        def show_progress(sample: Sample) -> None:
            note = f"{sample.published} labelled, {sample.memory_mib:.0f} MiB"
            progress.update(task, completed=sample.seconds, note=note)

        try:
            soak.run(60 * options.minutes, show_progress)
        finally:
            _write(options, soak)
    for problem in soak.problems:
        print(printable(f"soak: {problem}"), file=sys.stderr)
    return FAILED if soak.problems else 0


def _write(options: argparse.Namespace, soak: Soak) -> None:
    asked = {name: getattr(options, name) for name in ("size", "rate", "restart_every")}
    summary = dict(asked, **soak.summary())
    write_json(options.output / "soak.json", dict(summary, samples=[one._asdict() for one in soak.samples]))
    draw_soak(options.output, soak.samples, "{minutes} minutes at {rate:g} Hz: {received} images received, "
              "{published} labelled, camera restarts: {camera_restarts}, problems: {}".format(
                  len(soak.problems), **summary))
    show_table("soak", [(key.replace("_", " "), str(value)) for key, value in summary.items()])


def _parameters(options: argparse.Namespace) -> dict[str, Any]:
    width, height = parse_size(options.input_size, "--input-size")
    healthy = resolve_model(options.model)
    make_writable(options.output)
    model = write_faulty_model(healthy, options.output / "faulty_model")
    return {"model": model.resolve(), "input_width": width, "input_height": height,
            "backend": options.backend, "precision": options.precision}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="soak", description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=30.0, help="default: %(default)s")
    parser.add_argument("--output", type=Path, default=Path("soak_output"), help="default: %(default)s")
    add_model_options(parser)
    parser.add_argument("--size", default="640x480", help="of the images (default: %(default)s)")
    parser.add_argument("--input-size", default="480x360", help="of the network (default: %(default)s)")
    parser.add_argument("--rate", type=float, default=60.0, help="images a second (default: %(default)s)")
    parser.add_argument("--restart-every", type=float, default=60.0, help="seconds (default: %(default)s)")
    parser.add_argument("--sample-every", type=float, default=5.0, help="seconds (default: %(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
