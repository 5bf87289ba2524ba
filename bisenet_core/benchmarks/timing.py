"""Time calls side by side, among them the network of a model folder alone, on a prepared input."""

from collections.abc import Callable, Mapping
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from bisenet_core.errors import InputError
from bisenet_core.reports.console import track
from bisenet_core.runtime.backend import InferenceBackend
from bisenet_core.runtime.model_card import ModelCard


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    """(milliseconds that ``call`` took, what it returned)."""
    started = perf_counter()
    result = call()
    return 1e3 * (perf_counter() - started), result


def timed_in_turn(calls: Mapping[Any, Callable[[], Any]], rounds: int = 15) -> dict[Any, list[float]]:
    """Milliseconds of each of ``calls``, made one after the other in every round, after two rounds more.

    The order changes with each round, so that none profits from what the one before it leaves in the caches.
    """
    times = {name: list[float]() for name in calls}
    for index in track(range(-2, rounds), 2 + rounds, "timing"):
        for name in list(calls)[:: 1 if index % 2 else -1]:
            times[name].append(timed(calls[name])[0])
    return {name: values[2:] for name, values in times.items()}


def bare_network(card: ModelCard, backend: InferenceBackend) -> Callable[[], np.ndarray]:
    """A function that runs model.onnx once and returns its logits, 1xCx(h/8)x(w/8) float32.

    Same library, device, precision and input size as ``backend``; the float32 NCHW input lies ready, so that
    a call is the network and nothing else.
    """
    width, height = backend.input_size
    image = np.random.default_rng(0).standard_normal((1, 3, height, width), np.float32)
    if backend.name not in _LOADERS:
        raise InputError(f"the bare network cannot be timed on {backend.name}; known: {', '.join(_LOADERS)}")
    return _LOADERS[backend.name](card.network_file(backend.precision), backend.precision, image)


def openvino_network(onnx_path: Path, precision: str, image: np.ndarray) -> Callable[[], np.ndarray]:
    """A function that runs the network of ``onnx_path`` in OpenVINO once, on 1x3xHxW float32 ``image``.

    ``precision`` is "fp32", "bf16" or "int8"; the result is overwritten by the next call.
    """
    import openvino as ov

    from bisenet_core.runtime.openvino_backend import compile_options, shared_core

    core = shared_core()
    model = core.read_model(str(onnx_path))
    model.reshape(list(image.shape))
    request = core.compile_model(model, "CPU", compile_options(precision)).create_infer_request()
    # A copy: a tensor that shares the array's memory does not keep the array alive, and would outlive it.
    request.set_input_tensor(ov.Tensor(image, shared_memory=False))

    def run() -> np.ndarray:
        request.infer()
        return request.get_output_tensor().data

    return run


def _onnxruntime(onnx_path: Path, _precision: str, image: np.ndarray) -> Callable[[], np.ndarray]:
    import onnxruntime as ort

    from bisenet_core.runtime.onnxruntime_backend import configure

    options = configure(ort.SessionOptions())
    session = ort.InferenceSession(str(onnx_path), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda: session.run(None, {name: image})[0]


_LOADERS = {"openvino": openvino_network, "onnxruntime": _onnxruntime}
