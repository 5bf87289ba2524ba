"""EngineOptions: what an engine is built for, and what this GPU can do."""

from typing import List, NamedTuple, Optional, Tuple

from bisenet_core.errors import InputError

#: Compute capabilities without fast 16-bit arithmetic, though older ones have it: the desktop's Pascal.
_SLOW_HALF = ((6, 1),)
_FIRST_HALF = (5, 3)
#: INT8 dot products came with 6.1; the 6.2 of a Jetson TX2 lacks them again.
_FIRST_INT8, _NO_INT8 = (6, 1), ((6, 2),)


class EngineOptions(NamedTuple):
    """What an engine is built for; every field is part of its key in the cache."""

    precision: str                            # "fp32", "fp16", "int8"
    input_size: Tuple[int, int]               # (width, height) in pixels
    workspace_mib: int = 1024                 # scratch memory that a layer may take, at most
    external_tactics: Optional[bool] = None   # kernels of cuDNN and cuBLAS; None: where these libraries work
    optimization_level: Optional[int] = None  # 0 to 5, TensorRT 8.6 and later; None: the library's own

    def check(self) -> "EngineOptions":
        """These options. Raises InputError for values that no version of TensorRT takes."""
        if self.precision not in ("fp32", "fp16", "int8"):
            raise InputError(f"precision '{self.precision}' is none of TensorRT's; use fp32, fp16 or int8")
        if min(self.input_size) < 1:
            raise InputError("input size {}x{}: expected pixels".format(*self.input_size))
        if self.workspace_mib < 1:
            raise InputError(f"workspace {self.workspace_mib} MiB: expected at least 1")
        if self.optimization_level is not None and not 0 <= self.optimization_level <= 5:
            raise InputError(f"optimization level {self.optimization_level}: expected 0 to 5")
        return self


def available_precisions(compute_capability: Tuple[int, int], quantised: bool = False) -> List[str]:
    """Precisions that a GPU computes fast in, the preferred one first.

    INT8 is offered only for a network that says itself where it is quantised (QuantizeLinear nodes).
    """
    half = compute_capability >= _FIRST_HALF and compute_capability not in _SLOW_HALF
    int8 = quantised and compute_capability >= _FIRST_INT8 and compute_capability not in _NO_INT8
    return (["fp16"] if half else []) + ["fp32"] + (["int8"] if int8 else [])
