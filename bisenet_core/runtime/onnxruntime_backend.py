"""OnnxRuntimeBackend: the reference on a CPU, float32 only."""

import os
import platform
from typing import Any, Tuple

import numpy as np

from bisenet_core.errors import InputError
from bisenet_core.runtime.backend import choose_precision
from bisenet_core.runtime.host_backend import HostBackend
from bisenet_core.runtime.model_card import ModelCard
from bisenet_core.runtime.preprocessing import network_statistics, normalisation_tables, normalise


class OnnxRuntimeBackend(HostBackend):
    """Runs model.onnx as it is; the image is normalised before it."""

    name = "onnxruntime"

    def __init__(self, card: ModelCard, precision: str, input_size: Tuple[int, int]) -> None:
        import onnxruntime

        super().__init__(card, input_size)
        self._version = onnxruntime.__version__
        self._precision = choose_precision(precision, ["fp32"], "onnxruntime on a CPU")
        self._tables = normalisation_tables(*network_statistics(card.mean, card.std, card.color_order))
        self._input = np.empty((1, 3, input_size[1], input_size[0]), np.float32)
        try:
            options = configure(onnxruntime.SessionOptions())
            self._session = onnxruntime.InferenceSession(
                str(card.onnx_path), options, providers=["CPUExecutionProvider"])
            self._probe()
        except InputError:
            raise
        except Exception as error:  # onnxruntime's own exceptions share no narrower base
            raise self._load_error(error) from error

    @property
    def precision(self) -> str:
        return self._precision

    @property
    def device(self) -> str:
        return f"CPU ({platform.machine()})"

    @property
    def version(self) -> str:
        return self._version

    def _run(self) -> np.ndarray:
        normalise(self._image, self._tables, self._input)
        return self._session.run(None, {self._session.get_inputs()[0].name: self._input})[0]

    def _free(self) -> None:
        self._session = None


def configure(options: Any) -> Any:
    """Session options as this backend runs them; returns ``options``."""
    # The processors this process may use. The default counts the machine's, and pins threads to them, which
    # fails in a container that is given fewer.
    options.intra_op_num_threads = len(os.sched_getaffinity(0))
    options.log_severity_level = 3
    return options
