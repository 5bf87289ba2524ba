"""Times of networks on a CPU for `bisenet complexity`: measured now, or read from an earlier run's --json."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

from bisenet_core.commands.extras import training_code
from bisenet_core.commands.options import parse_size
from bisenet_core.errors import InputError
from bisenet_core.reports.console import track


def add_times(rows: list[dict[str, Any]], rounds: int) -> None:
    """Add "cpu_ms" to each of ``rows``: median milliseconds by precision, all networks run in turn."""
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


def describe_cpu() -> dict[str, Any]:
    """What times depend on: the CPU's name, the cores this process may use, the version of OpenVINO."""
    import openvino

    from bisenet_core.runtime.openvino_backend import shared_core

    return {
        "device": shared_core().get_property("CPU", "FULL_DEVICE_NAME").strip(),
        "cores": len(os.sched_getaffinity(0)),
        "openvino": openvino.__version__.split("-")[0],
    }


def subject_of(row: Mapping[str, Any]) -> str:
    """What a row of a report is about, apart from what was found."""
    return json.dumps([row[key] for key in ("network", "options", "classes", "size")], sort_keys=True)


class CpuSpeed:
    """Frames per second of the networks in a report, in the fastest precision of the CPU.

    ``label`` names precision, cores and CPU. Raises KeyError or ValueError for a report without times.
    """

    def __init__(self, report: Mapping[str, Any]) -> None:
        self._milliseconds = {subject_of(row): row["cpu_ms"] for row in report["charted"]}
        self._precision, *_ = (name for times in self._milliseconds.values() for name in times)
        self.label = "OpenVINO {}, {cores} cores of {device}".format(self._precision, **report["cpu"])

    @classmethod
    def load(cls, path: Path) -> "CpuSpeed":
        """Read the report of an earlier run. Raises InputError unless it holds times."""
        try:
            return cls(json.loads(path.read_text()))
        except OSError as error:
            raise InputError(f"cannot read {path}: {error.strerror}") from None
        except (ValueError, LookupError, TypeError, AttributeError):
            expected = "the --json of `bisenet complexity --plot DIR --cpu ROUNDS`"
            raise InputError(f"{path} holds no times; expected {expected}") from None

    def frames_per_second(self, row: Mapping[str, Any]) -> float | None:
        """Of the network, options, classes and size of ``row``; None where that was not timed."""
        times = self._milliseconds.get(subject_of(row))
        return 1e3 / times[self._precision] if times else None
