"""Which libraries' kernels a build may choose from: cuDNN's and cuBLAS's only where they work."""

import ctypes
from typing import Any, Optional

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
