"""OnnxRuntimeBackend: run a model on a CPU, as the reference, or on a GPU where TensorRT is missing."""

import os
import platform
from typing import Any, Dict, List, Tuple

import numpy as np

from bisenet_core.errors import BackendUnavailable, DeviceError, InputError
from bisenet_core.runtime.backend import choose_precision
from bisenet_core.runtime.host_backend import HostBackend
from bisenet_core.runtime.model_card import ModelCard
from bisenet_core.runtime.preprocessing import network_statistics, normalisation_tables, normalise
from bisenet_core.runtime.quantised_file import int8_obstacle

_CPU, _CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
# Without TF32, whose mantissa is FP16's: fp32 is to mean fp32. Versions before 1.18 do not know the option,
# and give up CUDA for it.
_CUDA_OPTIONS: List[Dict[str, str]] = [{"use_tf32": "0"}, {}]
_HALF = "tensor(float16)"


class OnnxRuntimeBackend(HostBackend):
    """Runs the file as it is; the image is normalised before it. ``device`` is "cpu" or "gpu"."""

    name = "onnxruntime"

    def __init__(self, card: ModelCard, precision: str, input_size: Tuple[int, int],
                 device: str = "cpu") -> None:
        """Raises BackendUnavailable where CUDA is asked for and does not work."""
        import onnxruntime

        super().__init__(card, input_size)
        self.version = onnxruntime.__version__
        self.on_gpu = device == "gpu"
        self.device = _cuda_device(onnxruntime) if self.on_gpu else f"CPU ({platform.machine()})"
        where = "onnxruntime on " + ("CUDA" if self.on_gpu else "a CPU")
        # never "auto": a convolution whose output is not quantised stays FP32 here, and STDC1 gains nothing
        int8 = ["int8"] if card.int8 and not self.on_gpu else []
        obstacle = "CUDA has no kernels for it" if self.on_gpu else int8_obstacle(card.int8)
        try:
            self.precision = precision if precision in int8 else ""
            self._session = self._open_session(onnxruntime)
            dtype = np.float16 if self._session.get_inputs()[0].type == _HALF else np.float32
            floats = ["fp16" if dtype == np.float16 else "fp32"]
            self.precision = choose_precision(precision, floats + int8, where, obstacle)
            tables = normalisation_tables(*network_statistics(card.mean, card.std, card.color_order))
            self._tables = tables.astype(dtype)
            self._input = np.empty((1, 3, input_size[1], input_size[0]), dtype)
            self._probe()
        except (InputError, DeviceError):
            raise
        except Exception as error:  # onnxruntime's own exceptions share no narrower base
            raise self._load_error(error) from error

    def _open_session(self, onnxruntime: Any) -> Any:
        if not self.on_gpu:
            return self._session_on(onnxruntime, [_CPU])
        # CUDA and cuDNN of pip's packages, which the loader does not find by itself; since version 1.21
        getattr(onnxruntime, "preload_dlls", lambda: None)()
        for options in _CUDA_OPTIONS:
            session = self._session_on(onnxruntime, [(_CUDA, options), _CPU])
            # It goes on with the CPU alone, and a line on stdout, when CUDA does not work.
            if _CUDA in session.get_providers():
                return session
        raise BackendUnavailable(f"onnxruntime cannot use {self.device}: its CUDA or cuDNN libraries are "
                                 "missing or too old; see its log above")

    def _session_on(self, onnxruntime: Any, providers: List[Any]) -> Any:
        options = configure(onnxruntime.SessionOptions())
        network = self._card.read_onnx(self.precision)
        return onnxruntime.InferenceSession(network, options, providers=providers)

    def _run(self) -> np.ndarray:
        normalise(self._image, self._tables, self._input)
        try:
            logits = self._session.run(None, {self._session.get_inputs()[0].name: self._input})[0]
        except Exception as error:  # onnxruntime's own exceptions share no narrower base
            if self.on_gpu:
                raise DeviceError(f"{self.device}: {str(error).splitlines()[0]}") from error
            raise
        return logits.astype(np.float32, copy=False)

    def _free(self) -> None:
        self._session = None


def _cuda_device(onnxruntime: Any) -> str:
    from bisenet_core.runtime.cuda.libcuda import gpu_name

    if _CUDA not in onnxruntime.get_available_providers():
        raise BackendUnavailable("this onnxruntime is built for the CPU alone: pip uninstall onnxruntime, "
                                 "then pip install onnxruntime-gpu, which has the same module")
    return gpu_name() + " (CUDA)"


def configure(options: Any) -> Any:
    """Session options as this backend runs them; returns ``options``."""
    # The processors this process may use. The default counts the machine's, and pins threads to them, which
    # fails in a container that is given fewer.
    options.intra_op_num_threads = len(os.sched_getaffinity(0))
    options.log_severity_level = 3
    return options
