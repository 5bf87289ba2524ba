"""Time networks on this machine's CPU, side by side."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import openvino

from bisenet_core.benchmarks.timing import openvino_network, timed_in_turn
from bisenet_core.deployment.onnx_file import write_onnx
from bisenet_core.deployment.stored_weights import deployable
from bisenet_core.models import create_model
from bisenet_core.runtime.openvino_backend import available_precisions, shared_core


def add_times(rows: list[dict[str, Any]], rounds: int) -> None:
    """Add "cpu_ms" to each of ``rows``: median milliseconds by precision, all networks run in turn.

    A row names ``network``, ``options``, ``classes`` and ``size``, WIDTHxHEIGHT. The weights are fresh;
    OpenVINO compiles each network in every precision that the CPU has.
    """
    networks = [_compiled(row) for row in rows]
    times = timed_in_turn({(index, precision): run for index, network in enumerate(networks)
                           for precision, run in network.items()}, rounds)
    for index, row in enumerate(rows):
        row["cpu_ms"] = {key: round(median(times[index, key]), 2) for key in networks[index]}


def describe_cpu() -> dict[str, Any]:
    """What times depend on: the CPU's name, the cores this process may use, the version of OpenVINO."""
    return {
        "device": shared_core().get_property("CPU", "FULL_DEVICE_NAME").strip(),
        "cores": len(os.sched_getaffinity(0)),
        "openvino": openvino.__version__.split("-")[0],
    }


def _compiled(row: dict[str, Any]) -> dict[str, Callable[[], np.ndarray]]:
    width, height = map(int, row["size"].split("x"))
    image = np.random.default_rng(0).standard_normal((1, 3, height, width), np.float32)
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "model.onnx"
        network = create_model(row["network"], row["classes"], **row["options"])
        write_onnx(deployable(network), width, height, path)
        return {key: openvino_network(path, key, image) for key in available_precisions(shared_core())}
