"""Time networks on this machine's CPU, side by side."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from bisenet_core.benchmarks.bare_network import openvino_network
from bisenet_core.benchmarks.timing import timed
from bisenet_core.deployment.deployable import deployable
from bisenet_core.deployment.onnx_file import write_onnx
from bisenet_core.models import create_model
from bisenet_core.runtime.openvino_backend import available_precisions, shared_core

WARM_UP_ROUNDS = 2

#: Network name, number of classes, (width, height), options.
Subject = tuple[str, int, tuple[int, int], dict[str, Any]]


class CpuTimer:
    """Networks with fresh weights, each compiled by OpenVINO in every precision that the CPU has."""

    def __init__(self, subjects: list[Subject]) -> None:
        self.precisions = available_precisions(shared_core())
        self._networks = [self._compile(*subject) for subject in subjects]

    def rounds(self, count: int) -> Iterator[list[dict[str, float]]]:
        """Yield milliseconds by precision for each network; all are run in turn in every round."""
        for index in range(-WARM_UP_ROUNDS, count):
            found = [{key: timed(run)[0] for key, run in network.items()} for network in self._networks]
            if index >= 0:
                yield found

    def _compile(
        self, name: str, num_classes: int, size: tuple[int, int], options: dict[str, Any]
    ) -> dict[str, Callable[[], np.ndarray]]:
        width, height = size
        image = np.random.default_rng(0).standard_normal((1, 3, height, width), np.float32)
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch) / "model.onnx"
            write_onnx(deployable(create_model(name, num_classes, **options)), width, height, path)
            return {key: openvino_network(path, key, image) for key in self.precisions}
