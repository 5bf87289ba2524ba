"""InferenceBackend: the one contract between the Segmenter and whatever runs the network."""

import importlib
import logging
from abc import ABC, abstractmethod
from typing import Any, Dict, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from bisenet_core.errors import BackendUnavailable, InputError
from bisenet_core.runtime import candidates
from bisenet_core.runtime.model_card import ModelCard

_LOGGER = logging.getLogger(__name__)


class Drawing(NamedTuple):
    """Pictures of the labels that a backend may make where it has them, on the device."""

    masks: Tuple[int, ...] = ()             # class ids, one mask each
    overlay_alpha: Optional[float] = None   # 0..1: an overlay of this opacity; None: no overlay
    min_confidence: float = 0.0             # 0..1; less probable pixels have no class in masks and overlay


class BackendResult(NamedTuple):
    """What a backend makes of one image; the arrays belong to the caller.

    Masks and overlay are None from a backend that draws nothing: the caller then draws them itself.
    """

    labels: np.ndarray                # HxW uint8 at the image's own size
    confidence: Optional[np.ndarray]  # HxW uint8, 255 times the winning class's probability, or None
    timings: Dict[str, float]         # preprocess_ms, network_ms, postprocess_ms
    masks: Optional[np.ndarray] = None    # KxHxW uint8, 0 or 255, in the order of Drawing.masks
    overlay: Optional[np.ndarray] = None  # HxWx3 uint8 RGB, as visualization.overlay draws it


#: Backend name -> where its class is. The name is also that of the library's module, which is imported only
#: when it is chosen: one that is not installed matters only to those who ask for it.
BACKENDS = {
    "tensorrt": "bisenet_core.runtime.tensorrt_backend:TensorRTBackend",
    "openvino": "bisenet_core.runtime.openvino_backend:OpenVINOBackend",
    "onnxruntime": "bisenet_core.runtime.onnxruntime_backend:OnnxRuntimeBackend",
}  # type: Dict[str, str]

#: What pip calls a library, and what it needs beside it.
_PACKAGES = {"tensorrt": "tensorrt pycuda"}

_SIDES = (32, 8192)
_FALLBACKS = ("none", "cpu")


class InferenceBackend(ABC):
    """Runs one network at one input size. Calls may come from any thread; it serves one at a time."""

    #: "tensorrt", "openvino", "onnxruntime", ...
    name = ""
    #: why it is this one that runs
    reason = ""
    #: what failed, where this backend has had to take over from another; "" = nothing
    failure = ""
    #: whether it computes on a GPU
    on_gpu = False
    #: whether it takes YUV 4:2:2 as it is; one that does not converts it first, on the CPU
    packed_yuv = False

    @property
    @abstractmethod
    def precision(self) -> str:
        """What the network computes in: "fp32", "bf16", "fp16" or "int8"."""

    @property
    @abstractmethod
    def device(self) -> str:
        """The processor, in words."""

    @property
    @abstractmethod
    def version(self) -> str:
        """Version of the library that runs the network."""

    @property
    @abstractmethod
    def input_size(self) -> Tuple[int, int]:
        """(width, height) of the network's input in pixels."""

    @abstractmethod
    def infer(self, image: np.ndarray, color_order: str, with_confidence: bool = False,
              drawing: Optional[Drawing] = None) -> BackendResult:
        """Label an image, uint8 HxWxC or HxW (mono), any size; it has passed ``check_image``.

        ``drawing`` asks for pictures, which a backend is free to leave to the caller. The labels are always
        those before ``min_confidence``.

        Raises InferenceError for logits that are not numbers, DeviceError for a device that fails,
        RuntimeError after ``close``.
        """

    @abstractmethod
    def logits(self, image: np.ndarray, color_order: str) -> np.ndarray:
        """The network's own output for an image, 1xCx(h/8)x(w/8) float32, a copy. For comparisons."""

    @abstractmethod
    def close(self) -> None:
        """Free the network and its buffers. Harmless when repeated."""


def open_backend(card: ModelCard, backend: str = "auto", precision: str = "auto",
                 input_size: Optional[Tuple[int, int]] = None, engine_cache: Optional[str] = None,
                 fallback: str = "none") -> InferenceBackend:
    """Load the network of ``card`` with the named backend; "auto" takes the first that opens, a GPU's first.

    ``input_size`` is (width, height), by default the card's. ``engine_cache`` is TensorRT's folder, by
    default the user's cache. With ``fallback`` "cpu" a CPU takes over from a GPU that fails. The choice and
    what was passed over are logged once and stay in ``reason``. Raises InputError for a backend, a precision
    or a size that cannot be had here.
    """
    size = input_size or (card.input_width, card.input_height)
    if not all(_SIDES[0] <= side <= _SIDES[1] for side in size):
        raise InputError("input size {}x{}: each side must be from {} to {} pixels".format(*(size + _SIDES)))
    if fallback not in _FALLBACKS:
        raise InputError(f"fallback is '{fallback}'; expected one of {', '.join(_FALLBACKS)}")
    tried = candidates.candidates_for(backend, precision)
    opened, chosen, passed = candidates.open_first(
        tried, lambda one: _open(one, card, precision, size, engine_cache))
    opened.on_gpu = chosen.device == "gpu"
    opened.reason = "; ".join(filter(None, [_why_this(backend, passed), candidates.why(passed)]))
    # Where something is there that should have worked, somebody may believe that it does.
    _say_what_runs(card, opened, logging.WARNING if any(one.is_odd for one in passed) else logging.INFO)
    if fallback == "cpu" and opened.on_gpu:
        return _with_fallback(opened, card, precision, size)
    return opened


def _why_this(backend: str, passed: Sequence[candidates.PassedOver]) -> str:
    if backend != "auto":
        return "asked for by name"
    return "auto" if passed else "auto: the first choice"


def _say_what_runs(card: ModelCard, opened: InferenceBackend, level: int) -> None:
    _LOGGER.log(level, "%s runs on %s %s, %s, %s, input %dx%d (%s)", card.name, opened.name, opened.version,
                opened.device, opened.precision, opened.input_size[0], opened.input_size[1], opened.reason)


def _open(candidate: candidates.Candidate, card: ModelCard, precision: str, size: Tuple[int, int],
          engine_cache: Optional[str]) -> InferenceBackend:
    if candidate.device == "gpu":
        candidates.check_driver()
    options = {"tensorrt": {"engine_cache": engine_cache},
               "onnxruntime": {"device": candidate.device}}  # type: Dict[str, Dict[str, Any]]
    return _import_backend(candidate.backend)(card, precision, size, **options.get(candidate.backend, {}))


def _with_fallback(primary: InferenceBackend, card: ModelCard, precision: str,
                   size: Tuple[int, int]) -> InferenceBackend:
    from bisenet_core.runtime.fallback import FallbackBackend

    on_cpu = [one for one in candidates.CANDIDATES if one.device == "cpu"]
    wanted = precision if any(precision in one.precisions for one in on_cpu) else "auto"

    def open_cpu() -> InferenceBackend:
        return candidates.open_first(on_cpu, lambda one: _open(one, card, wanted, size, None))[0]

    try:
        # A library that is missing is better missed now than in mid-drive.
        candidates.open_first(on_cpu, lambda one: _import_backend(one.backend))
    except InputError:
        primary.close()
        raise
    return FallbackBackend(primary, open_cpu)


def _import_backend(name: str) -> Any:
    """The backend's class. Raises BackendUnavailable where its library is missing or does not load."""
    module, class_name = BACKENDS[name].split(":")
    try:
        importlib.import_module(name)
        return getattr(importlib.import_module(module), class_name)
    except ImportError as error:
        text = f"backend '{name}' needs its library: pip install {_PACKAGES.get(name, name)} ({error})"
        if isinstance(error, ModuleNotFoundError) and error.name == name:
            raise candidates.Absent(f"{name} is not installed", text) from error
        raise BackendUnavailable(text) from error


def choose_precision(requested: str, available: Sequence[str], where: str) -> str:
    """The precision to run in; "auto" is the first of ``available``. ``where`` is the backend and device."""
    if requested == "auto":
        return available[0]
    if requested not in available:
        raise InputError(
            f"precision '{requested}' is not available with {where}; use auto or {' or '.join(available)}")
    return requested
