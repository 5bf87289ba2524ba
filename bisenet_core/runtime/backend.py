"""InferenceBackend: the one contract between the Segmenter and whatever runs the network."""

import importlib
import logging
from abc import ABC, abstractmethod
from typing import Dict, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from bisenet_core.errors import InputError
from bisenet_core.runtime.model_card import ModelCard

_LOGGER = logging.getLogger(__name__)


class BackendResult(NamedTuple):
    """What a backend makes of one image; the arrays belong to the caller."""

    labels: np.ndarray                # HxW uint8 at the image's own size
    confidence: Optional[np.ndarray]  # HxW uint8, 255 times the winning class's probability, or None
    timings: Dict[str, float]         # preprocess_ms, network_ms, postprocess_ms


#: Backend name -> where its class is, in order of preference. The name is also that of the library's module,
#: which is imported only when it is chosen: one that is not installed matters only to those who ask for it.
BACKENDS = {
    "openvino": "bisenet_core.runtime.openvino_backend:OpenVINOBackend",
    "onnxruntime": "bisenet_core.runtime.onnxruntime_backend:OnnxRuntimeBackend",
}  # type: Dict[str, str]

_SIDES = (32, 8192)


class InferenceBackend(ABC):
    """Runs one network at one input size. Calls may come from any thread; it serves one at a time."""

    #: "openvino", "onnxruntime", ...
    name = ""

    @property
    @abstractmethod
    def precision(self) -> str:
        """What the network computes in: "fp32" or "bf16"."""

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
    def infer(self, image: np.ndarray, color_order: str, with_confidence: bool = False) -> BackendResult:
        """Label an image, uint8 HxWxC or HxW (mono), any size; it has passed ``check_image``.

        Raises InferenceError for logits that are not numbers, RuntimeError after ``close``.
        """

    @abstractmethod
    def logits(self, image: np.ndarray, color_order: str) -> np.ndarray:
        """The network's own output for an image, 1xCx(h/8)x(w/8) float32, a copy. For comparisons."""

    @abstractmethod
    def close(self) -> None:
        """Free the network and its buffers. Harmless when repeated."""


def open_backend(card: ModelCard, backend: str = "auto", precision: str = "auto",
                 input_size: Optional[Tuple[int, int]] = None) -> InferenceBackend:
    """Load the network of ``card`` with the named backend; "auto" takes the first whose library is installed.

    ``input_size`` is (width, height), by default the card's. Raises InputError for a backend, a precision or
    a size that cannot be had here.
    """
    size = input_size or (card.input_width, card.input_height)
    if not all(_SIDES[0] <= side <= _SIDES[1] for side in size):
        raise InputError("input size {}x{}: each side must be from {} to {} pixels".format(*(size + _SIDES)))
    opened = _backend_class(backend)(card, precision, size)
    _LOGGER.info("%s runs on %s %s, %s, %s, input %dx%d", card.name, opened.name, opened.version,
                 opened.device, opened.precision, *opened.input_size)
    return opened


def _backend_class(name: str) -> type:
    if name == "auto":
        name = _first_installed()
    if name == "tensorrt":
        raise InputError(f"backend 'tensorrt' is not there yet; use one of auto, {', '.join(BACKENDS)}")
    if name not in BACKENDS:
        raise InputError(f"unknown backend '{name}'; use one of auto, {', '.join(BACKENDS)}")
    try:
        return _import_backend(name)
    except ImportError as error:
        raise InputError(f"backend '{name}' needs its library: pip install {name} ({error})") from error


def _first_installed() -> str:
    installed = next(filter(_is_installed, BACKENDS), None)
    if installed is None:
        raise InputError(f"no inference library found of {', '.join(BACKENDS)}: pip install openvino")
    return installed


def _is_installed(name: str) -> bool:
    try:
        _import_backend(name)
    except ImportError as error:
        _LOGGER.warning("backend %s is not available: %s", name, error)
        return False
    return True


def _import_backend(name: str) -> type:
    importlib.import_module(name)
    module, class_name = BACKENDS[name].split(":")
    return getattr(importlib.import_module(module), class_name)


def choose_precision(requested: str, available: Sequence[str], where: str) -> str:
    """The precision to run in; "auto" is the first of ``available``. ``where`` is the backend and device."""
    if requested == "auto":
        return available[0]
    if requested not in available:
        raise InputError(
            f"precision '{requested}' is not available with {where}; use auto or {' or '.join(available)}")
    return requested
