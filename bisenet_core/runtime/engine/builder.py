"""EngineBuilder: build a serialised TensorRT engine from a model folder."""

import ctypes
import logging
from pathlib import Path
from typing import Any, Optional

from bisenet_core.errors import InputError
from bisenet_core.runtime.engine.callbacks import (
    Progress,
    attach_progress,
    no_gpu_error,
    raise_interruption,
    shared_logger,
)
from bisenet_core.runtime.engine.options import EngineOptions
from bisenet_core.runtime.engine.prepared_onnx import (
    is_quantised,
    prepare_onnx,
    to_half,
    with_signed_activations,
)
from bisenet_core.runtime.model_card import ModelCard
from bisenet_core.runtime.private_files import read_private, write_private

_LOGGER = logging.getLogger(__name__)

_MIB = 1 << 20
#: Precision -> the flags that allow it; a TensorRT that lacks them (11) goes by the network's own types.
_FLAGS = {"fp32": (), "fp16": ("FP16",), "int8": ("INT8", "FP16")}
#: TacticSource -> the library, and a function of it that returns its version.
_EXTERNAL = {
    "CUBLAS": ("cublas", "cublasGetCudartVersion"),
    "CUBLAS_LT": ("cublasLt", "cublasLtGetVersion"),
    "CUDNN": ("cudnn", "cudnnGetVersion"),
}
_MAJORS = range(13, 7, -1)
#: Versions are written as 8906 or 111103; a library of empty functions returns an error code, which is less.
_LEAST_VERSION = 1000
_PREVIEW = "DISABLE_EXTERNAL_TACTIC_SOURCES_FOR_CORE_0805"


class EngineBuilder:
    """Builds with the TensorRT it is given, 8.2 to 11; what that offers decides how, not its version.

    A CUDA context must be current in the calling thread, and stay so during ``build``.
    """

    def __init__(self, trt: Any, timing_cache: Path) -> None:
        """``timing_cache``: a file that remembers how fast each kernel was, for the next build."""
        self._trt = trt
        self._log = shared_logger(trt)
        self._timing_cache = timing_cache

    def build(self, card: ModelCard, options: EngineOptions, progress: Optional[Progress] = None) -> bytes:
        """The engine of ``card``'s network: 1x3xhxw -> logits 1xKx(h/8)x(w/8), float32, with "fp16" float16.

        Takes minutes. Raises InputError for a network or a precision that TensorRT refuses,
        BackendUnavailable where there is no GPU, and what ``progress`` raised to end the build.
        """
        options.check()
        onnx = self._network_of(card, options)
        self._log.take_errors()
        builder = self._create(self._trt.Builder, self._log)
        network, parser = self._parse(builder, onnx, card)
        if options.precision == "fp16" and hasattr(self._trt.BuilderFlag, "FP16"):
            self._bind_half(network)  # else the network has these types itself
        config = self._configure(builder, options)
        monitor = attach_progress(self._trt, config, progress)
        plan = builder.build_serialized_network(network, config)
        raise_interruption(monitor)
        if plan is None:
            raise InputError(f"TensorRT {self._trt.__version__} built no engine of {card.onnx_path}: "
                             f"{self._log.take_errors() or 'it gave no reason'}")
        keep_timings(config, self._timing_cache)
        del parser  # holds the weights until the engine is built
        return bytes(plan)

    def _network_of(self, card: ModelCard, options: EngineOptions) -> bytes:
        onnx = prepare_onnx(card.read_onnx(options.precision), *options.input_size)
        if options.precision == "int8" and not is_quantised(onnx):
            raise InputError(f"{card.onnx_path} says nowhere where it is INT8 (it has no QuantizeLinear); "
                             "`bisenet quantize` makes a model.int8.onnx; or use precision fp16")
        if options.precision == "int8":
            return with_signed_activations(onnx)
        if options.precision == "fp16" and not hasattr(self._trt.BuilderFlag, "FP16"):
            return to_half(onnx)
        return onnx

    def _create(self, make: Any, *arguments: Any) -> Any:
        try:
            return make(*arguments)
        except TypeError as error:
            raise no_gpu_error(self._trt, self._log, error) from error

    def _parse(self, builder: Any, onnx: bytes, card: ModelCard) -> Any:
        flags = self._trt.NetworkDefinitionCreationFlag
        explicit = getattr(flags, "EXPLICIT_BATCH", None)  # gone in 11, where there is nothing else
        network = builder.create_network(0 if explicit is None else 1 << int(explicit))
        parser = self._create(self._trt.OnnxParser, network, self._log)
        if not parser.parse(onnx):
            errors = [parser.get_error(index).desc() for index in range(parser.num_errors)]
            raise InputError(f"TensorRT {self._trt.__version__} does not read {card.onnx_path}: "
                             + " ".join("; ".join(errors or [self._log.take_errors()]).split()))
        return network, parser

    def _bind_half(self, network: Any) -> None:
        """Have input and output in FP16 too, as our kernels write and read it: half the bytes."""
        for tensor in (network.get_input(0), network.get_output(0)):
            tensor.dtype = self._trt.float16
            tensor.allowed_formats = 1 << int(self._trt.TensorFormat.LINEAR)

    def _configure(self, builder: Any, options: EngineOptions) -> Any:
        config = builder.create_builder_config()
        self._limit_workspace(config, options.workspace_mib * _MIB)
        self._allow_precision(config, options.precision)
        choose_tactics(self._trt, config, options.external_tactics)
        if options.optimization_level is not None and hasattr(config, "builder_optimization_level"):
            config.builder_optimization_level = options.optimization_level
        use_timings(config, self._timing_cache)
        return config

    def _limit_workspace(self, config: Any, size: int) -> None:
        if hasattr(config, "set_memory_pool_limit"):
            config.set_memory_pool_limit(self._trt.MemoryPoolType.WORKSPACE, size)
        else:  # before 8.4
            config.max_workspace_size = size

    def _allow_precision(self, config: Any, precision: str) -> None:
        flags = self._trt.BuilderFlag
        for name in _FLAGS[precision]:
            if hasattr(flags, name):
                config.set_flag(getattr(flags, name))
        if precision == "fp32":
            config.clear_flag(flags.TF32)  # on by default, with a mantissa as short as FP16's


def choose_tactics(trt: Any, config: Any, external: Optional[bool]) -> None:
    """Take from ``config`` the sources that are not to be used; ``external`` as in ``EngineOptions``."""
    if external:
        return
    named = [name for name in _EXTERNAL if hasattr(trt.TacticSource, name)]
    absent = [name for name in named if external is False or not library_works(*_EXTERNAL[name])]
    unwanted = sum(1 << int(getattr(trt.TacticSource, name)) for name in absent)
    chosen = config.get_tactic_sources()
    if not chosen & unwanted:
        return
    config.set_tactic_sources(chosen & ~unwanted)
    preview = getattr(trt, "PreviewFeature", None)
    if hasattr(preview, _PREVIEW):
        config.set_preview_feature(getattr(preview, _PREVIEW), True)


def library_works(name: str, version_function: str) -> bool:
    """Whether a CUDA library is there, in whichever major versions, and each of them tells its version.

    Which of them TensorRT was linked with it does not say, so that one that does not work spoils the rest.
    """
    asked = [_version(f"lib{name}.so.{major}", version_function) for major in _MAJORS]
    versions = [version for version in asked if version is not None]
    return bool(versions) and min(versions) >= _LEAST_VERSION


def _version(path: str, version_function: str) -> Optional[int]:
    try:
        function = getattr(ctypes.CDLL(path), version_function)
    except (OSError, AttributeError):
        return None
    function.restype = ctypes.c_size_t
    return int(function())


def use_timings(config: Any, path: Path) -> None:
    """Have a build use what was measured before, and remember what it measures.

    ``path`` is a file beside the engines, of one TensorRT and one GPU. One that is damaged, or of another
    TensorRT, is as good as none.
    """
    try:
        content = read_private(path)
    except OSError:
        content = b""
    timings = config.create_timing_cache(content)
    if timings is None or not config.set_timing_cache(timings, False):
        config.set_timing_cache(config.create_timing_cache(b""), False)


def keep_timings(config: Any, path: Path) -> None:
    """Write what the finished build has measured. A disk that is full costs time, not the engine."""
    timings = config.get_timing_cache()
    if timings is None:
        return
    try:
        write_private(path, bytes(timings.serialize()))
    except OSError as error:
        _LOGGER.info("the timing cache %s was not written: %s", path, error)
