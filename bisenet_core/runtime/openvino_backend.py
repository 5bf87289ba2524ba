"""OpenVINOBackend: run a model with OpenVINO, the default on a CPU."""

from functools import lru_cache
from typing import Any, Dict, List, Tuple

import numpy as np

from bisenet_core.runtime.backend import choose_precision
from bisenet_core.runtime.host_backend import HostBackend
from bisenet_core.runtime.model_card import ModelCard
from bisenet_core.runtime.preprocessing import network_statistics
from bisenet_core.runtime.quantised_file import int8_obstacle, with_int8

_DEVICE = "CPU"


class OpenVINOBackend(HostBackend):
    """Normalisation and layout are part of the compiled graph, which so takes the 8-bit image as it is."""

    name = "openvino"

    def __init__(self, card: ModelCard, precision: str, input_size: Tuple[int, int]) -> None:
        import openvino as ov

        super().__init__(card, input_size)
        core = shared_core()
        self.version = ov.__version__.split("-")[0]
        self.device = core.get_property(_DEVICE, "FULL_DEVICE_NAME").strip()
        self.precision = choose_precision(
            precision, with_int8(card.int8, available_precisions(core)), "openvino on " + self.device,
            int8_obstacle(card.int8))
        try:
            self._request = self._compile(core).create_infer_request()
            self._request.set_input_tensor(ov.Tensor(self._image[None], shared_memory=True))
            self._probe()
        except RuntimeError as error:
            raise self._load_error(error) from error

    def _compile(self, core: Any) -> Any:
        model = core.read_model(self._card.read_onnx(self.precision), b"")
        model.reshape([1, 3, self.input_size[1], self.input_size[0]])
        return core.compile_model(
            _with_preprocessing(model, self._card), _DEVICE, compile_options(self.precision))

    def _run(self) -> np.ndarray:
        self._request.infer()
        return self._request.get_output_tensor().data

    def _free(self) -> None:
        self._request = None


@lru_cache(maxsize=None)
def shared_core() -> Any:
    """OpenVINO's Core, one for as long as the process lives.

    Each gives the thread that uses it first a stack for signal handlers, unmapped when freed. After two of
    them, or one freed in another thread, a thread is left with a stack that is gone, and the next signal that
    has a handler, such as Ctrl-C, is a segmentation fault (seen in 2026.4).
    """
    import openvino as ov

    return ov.Core()


def compile_options(precision: str) -> Dict[str, Any]:
    """OpenVINO's properties for a network that runs in ``precision``, "fp32", "bf16" or "int8"."""
    # A thread that is pinned to a processor waits for it while another one is idle; a robot's are busy. The
    # precision is always stated: left alone, OpenVINO picks bf16 where the CPU has it, and says nothing.
    return {"PERFORMANCE_HINT": "LATENCY", "ENABLE_CPU_PINNING": False,
            "INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32"}


def available_precisions(core: Any) -> List[str]:
    """Precisions of floating point that this CPU computes in natively, the fastest first."""
    has_bf16 = "BF16" in core.get_property(_DEVICE, "OPTIMIZATION_CAPABILITIES")
    return ["bf16", "fp32"] if has_bf16 else ["fp32"]


def _with_preprocessing(model: Any, card: ModelCard) -> Any:
    """The same network with a 1xhxwx3 uint8 input in the card's colour order, and a float32 output."""
    from openvino import Layout, Type
    from openvino.preprocess import PrePostProcessor

    mean, std = network_statistics(card.mean, card.std, card.color_order)
    steps = PrePostProcessor(model)
    steps.input().tensor().set_element_type(Type.u8).set_layout(Layout("NHWC"))
    steps.input().model().set_layout(Layout("NCHW"))
    steps.input().preprocess().convert_element_type(Type.f32) \
        .mean([255.0 * value for value in mean]).scale([255.0 * value for value in std])
    steps.output().tensor().set_element_type(Type.f32)
    return steps.build()
