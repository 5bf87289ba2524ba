"""Draw all networks' accuracy over operations and speed: `python scripts/network_charts docs/images`.

Operations are counted here, for each result at its input size. Frames per second of a CPU are taken from
--times, or measured with --cpu ROUNDS, for --json to keep.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from charts import DATASETS, Measured, draw_charts
from results import PUBLISHED, Result, recorded_results

from bisenet_core.benchmarks.cpu_time import add_times, describe_cpu
from bisenet_core.errors import InputError, parsing
from bisenet_core.models.complexity import complexity_of
from bisenet_core.models.registry import list_models
from bisenet_core.reports.console import write_json
from bisenet_core.runtime.model_search import weights_search_path

TIMES = Path(__file__).resolve().parents[2] / "docs" / "models.json"


def main(arguments: list[str] | None = None) -> int:
    """Draw. Exit status 2 and one line for bad input."""
    options = _parser().parse_args(arguments)
    try:
        results = [*PUBLISHED, *recorded_results(options.models or weights_search_path(), DATASETS)]
        results = [one for one in results if one.network in list_models() and one.size and one.test]
        rows = [_count(one) for one in results]
        speeds, label = speeds_of(_timed(rows, options)) if options.cpu else read_speeds(options.times)
        figures = [(row["gflops"], speeds.get(subject(row))) for row in rows]
        draw_charts(options.folder, [Measured(one, *found) for one, found in zip(results, figures)], label)
    except InputError as error:
        print(f"network_charts: {error}", file=sys.stderr)
        return 2
    return 0


def _count(result: Result) -> dict[str, Any]:
    width, height = result.size or (0, 0)
    tree = complexity_of(result.network, result.num_classes, width, height, **result.options)
    return {"network": result.network, "options": result.options, "classes": result.num_classes,
            "size": f"{width}x{height}", "gflops": round(tree.gflops, 4)}


def _timed(rows: list[dict[str, Any]], options: argparse.Namespace) -> dict[str, Any]:
    add_times(rows, options.cpu)
    report = {"charted": rows, "cpu": describe_cpu()}
    write_json(options.json, report)
    return report


def read_speeds(path: Path) -> tuple[dict[str, float], str]:
    """``speeds_of`` an earlier --json. InputError for a file without times."""
    with parsing(f"{path} holds no times; expected the --json of network_charts --cpu ROUNDS"):
        return speeds_of(json.loads(path.read_text()))


def speeds_of(report: dict[str, Any]) -> tuple[dict[str, float], str]:
    """Frames per second in the CPU's fastest precision, by ``subject``; what they were taken on."""
    times = {subject(row): row["cpu_ms"] for row in report["charted"]}
    precision = next(name for found in times.values() for name in found)
    label = "OpenVINO {}, {cores} cores of {device}".format(precision, **report["cpu"])
    return {subject: 1e3 / found[precision] for subject, found in times.items()}, label


def subject(row: dict[str, Any]) -> str:
    """What a row is about, apart from what was found. Auxiliary heads are of training alone."""
    options = {name: value for name, value in row["options"].items() if name != "auxiliary"}
    return json.dumps([row["network"], options, row["classes"], row["size"]], sort_keys=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="network_charts", description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="for the charts, each as PNG and SVG")
    parser.add_argument("--times", type=Path, default=TIMES, help="of an earlier --json (docs/models.json)")
    parser.add_argument("--cpu", type=int, default=0, metavar="ROUNDS", help="time the networks anew")
    parser.add_argument("--json", type=Path, help="write what --cpu found")
    parser.add_argument("--models", type=Path, nargs="*", help="where ours are (where all are found)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
