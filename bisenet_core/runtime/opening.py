"""Open a backend: the one that was asked for, or the first that runs here."""

import importlib
import logging
from typing import Any, Dict, List, Optional, Sequence, Tuple

from bisenet_core.errors import BackendUnavailable, InputError
from bisenet_core.runtime import candidates
from bisenet_core.runtime.backend import InferenceBackend
from bisenet_core.runtime.fallback import FallbackBackend
from bisenet_core.runtime.model_card import ModelCard
from bisenet_core.runtime.quantised_file import int8_obstacle
from bisenet_core.runtime.tuned_choice import stored_choice

_LOGGER = logging.getLogger(__name__)

#: Backend name -> where its class is. The name is also that of the library's module, which is imported only
#: when it is chosen: one that is not installed matters only to those who ask for it.
BACKENDS: Dict[str, str] = {
    "tensorrt": "bisenet_core.runtime.tensorrt_backend:TensorRTBackend",
    "openvino": "bisenet_core.runtime.openvino_backend:OpenVINOBackend",
    "onnxruntime": "bisenet_core.runtime.onnxruntime_backend:OnnxRuntimeBackend",
}

#: What pip calls a library, and what it needs beside it.
_PACKAGES = {"tensorrt": "'bisenet_ros[gpu-cu12]', or [gpu-cu13] (docs/gpu.md)"}

_SIDES = (32, 8192)
_FALLBACKS = ("none", "cpu")


def open_backend(card: ModelCard, backend: str = "auto", precision: str = "auto",
                 input_size: Optional[Tuple[int, int]] = None, engine_cache: Optional[str] = None,
                 fallback: str = "none") -> InferenceBackend:
    """Load the network of ``card`` with the named backend; "auto" takes the first that opens: a GPU's,
    then what `bisenet tune` found on this CPU where precision is "auto" too, then the other of a CPU's.

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
    opened, chosen, passed = candidates.open_first(
        _candidates(card, backend, precision, size),
        lambda one: _open(one, card, precision, size, engine_cache))
    opened.on_gpu = chosen.device == "gpu"
    opened.reason = "; ".join(filter(None, [
        chosen.tuned or _choice_reason(backend, passed), candidates.explain(passed),
        _int8_reason(card, opened, opened.precision if chosen.tuned else precision)]))
    # Where something is there that should have worked, somebody may believe that it does.
    level = logging.WARNING if any(one.is_odd for one in passed) else logging.INFO
    _LOGGER.log(level, "%s runs on %s %s, %s, %s, input %dx%d (%s)", card.name, opened.name, opened.version,
                opened.device, opened.precision, opened.input_size[0], opened.input_size[1], opened.reason)
    if fallback == "cpu" and opened.on_gpu:
        return _with_fallback(opened, card, precision, size)
    return opened


def _candidates(card: ModelCard, backend: str, precision: str,
                size: Tuple[int, int]) -> List[candidates.Candidate]:
    """Those to try; where everything is left to "auto", what was tuned comes before the others on a CPU."""
    found = candidates.candidates_for(backend, precision)
    tuned = stored_choice(card, size) if backend == precision == "auto" else None
    if tuned is None:
        return found
    choice = candidates.Candidate(tuned.backend, "cpu", (tuned.precision,), "tuned: " + tuned.measured)
    return sorted([choice, *found], key=lambda one: one.device == "cpu")


def _choice_reason(backend: str, passed: Sequence[candidates.PassedOver]) -> str:
    if backend != "auto":
        return "asked for by name"
    return "auto" if passed else "auto: the first choice"


def _int8_reason(card: ModelCard, opened: InferenceBackend, requested: str) -> str:
    """What INT8 costs where it runs, or why "auto" did not choose it on a CPU."""
    if card.int8 is None or (opened.precision != "int8" and (requested != "auto" or opened.on_gpu)):
        return ""
    if opened.precision == "int8":
        return str(card.int8)
    if opened.name == "onnxruntime":
        return "not int8: onnxruntime gains by it with some networks only"
    return "not int8: {}".format(int8_obstacle(card.int8) or card.int8)


def _open(candidate: candidates.Candidate, card: ModelCard, precision: str, size: Tuple[int, int],
          engine_cache: Optional[str]) -> InferenceBackend:
    precision = candidate.precisions[0] if candidate.tuned else precision
    if candidate.device == "gpu":
        candidates.check_driver()
    options: Dict[str, Dict[str, Any]] = {
        "tensorrt": {"engine_cache": engine_cache}, "onnxruntime": {"device": candidate.device}}
    return _import_backend(candidate.backend)(card, precision, size, **options.get(candidate.backend, {}))


def _with_fallback(primary: InferenceBackend, card: ModelCard, precision: str,
                   size: Tuple[int, int]) -> InferenceBackend:
    wanted = "fp32" if precision == "fp32" else "auto"  # a CPU's INT8 is not to be had everywhere
    on_cpu = [one for one in _candidates(card, "auto", wanted, size) if one.device == "cpu"]

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
