"""CPU time of the whole node for each frame, with each of rclpy's executors, in turn in one run.

`.venv/bin/python scripts/node_load/executors.py`: images of 480x360 at 10, 30 and 60 Hz. The network's input
is small, so that every frame is labelled and the network does not hide the rest of the node. Prints Markdown.
"""

import argparse
import os
import sys
from itertools import product
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from measurement import measure
from node_under_load import NodeUnderLoad, Sending

from bisenet_core.runtime.model_card import resolve_model
from bisenet_ros.harness.tool import run_tool

RATES = (10, 30, 60)
NETWORK = {"input_width": 96, "input_height": 64}


class SingleThreadedNode(NodeUnderLoad):
    """The node with rclpy's SingleThreadedExecutor."""

    program = str(Path(__file__).with_name("single_threaded_node.py"))


EXECUTORS = {"SingleThreadedExecutor": SingleThreadedNode, "EventsExecutor": NodeUnderLoad}


def run(options: argparse.Namespace) -> int:
    """Measure both executors at each rate, and print the table."""
    parameters = {"model": resolve_model(options.model).resolve(), **NETWORK}
    found = {key: [] for key in product(RATES, EXECUTORS)}
    before = os.getloadavg()[0]
    for _, (rate, name) in product(range(options.rounds), found):
        with EXECUTORS[name](parameters, options.output / f"{name}_{rate}") as load:
            found[rate, name].append(measure(load, Sending("480x360", rate, round(rate * options.seconds))))
    print(f"{options.rounds} runs of {options.seconds:g} s each, load {before:.1f} before, "
          f"{os.getloadavg()[0]:.1f} after. The node's CPU for each frame, ms, least / median (without the "
          "Segmenter), and how many frames were labelled\n")
    print("| images a second |" + "".join(f" {name} |" for name in EXECUTORS), "|---" * 3 + "|", sep="\n")
    for rate in RATES:
        print(f"| {rate} |" + "".join(f" {cell(found[rate, name])} |" for name in EXECUTORS))
    return 0


def cell(runs: list) -> str:
    """Of one executor at one rate."""
    whole, alone = ([run["cpu_percent"][name] * 10 * run["seconds"] / run["received"] for run in runs]
                    for name in ("node", "node_without_segmenter"))
    labelled = sum(run["published"] for run in runs) / sum(run["sent"] for run in runs)
    return f"{min(whole):.2f} / {median(whole):.2f} ({min(alone):.2f} / {median(alone):.2f}), {labelled:.0%}"


def main() -> int:
    """Exit status: 2 bad input, or a process ended; 130 Ctrl-C."""
    parser = argparse.ArgumentParser(prog="executors", description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="camvid_stdc1")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--output", type=Path, default=Path("benchmark_output"), help="for the logs")
    options = parser.parse_args()
    return run_tool("executors", lambda: run(options))


if __name__ == "__main__":
    sys.exit(main())
