"""EngineOptions and CacheKey: what an engine is built for, and everything that it depends on."""

import hashlib
import json
import re
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from bisenet_core.errors import InputError
from bisenet_core.runtime.model_card import ModelCard

#: Compute capabilities without fast 16-bit arithmetic, though older ones have it: the desktop's Pascal.
_SLOW_HALF = ((6, 1),)
_FIRST_HALF = (5, 3)
#: INT8 dot products came with 6.1; the 6.2 of a Jetson TX2 lacks them again.
_FIRST_INT8, _NO_INT8 = (6, 1), ((6, 2),)

#: Raise it when EngineBuilder makes other engines of the same options.
_BUILDER_REVISION = 2
_DIGITS = 16


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


class CacheKey:
    """Names an engine after what it was made of, so that another network, GPU or TensorRT finds another file.

    ``device`` has a ``name`` and a ``compute_capability`` (major, minor).
    """

    def __init__(self, card: ModelCard, options: EngineOptions, device: Any, trt: Any) -> None:
        #: JSON object, for people who look into the cache.
        self.content: Dict[str, Any] = {
            "model": card.name, "onnx_sha256": card.network_sha256(options.precision),
            "tensorrt": str(trt.__version__),
            "gpu": device.name, "compute_capability": list(device.compute_capability),
            "input_shape": [1, 3, options.input_size[1], options.input_size[0]],
            "builder_revision": _BUILDER_REVISION,
        }
        self.content.update((key, value) for key, value in options._asdict().items() if key != "input_size")

    @property
    def sha256(self) -> str:
        """64 hexadecimal digits."""
        return _sha256(self.content)

    @property
    def file_name(self) -> str:
        """The name without its end, such as camvid_bisenetv2-fp16-1024x512-0123456789abcdef."""
        height, width = self.content["input_shape"][2:]
        model = re.sub(r"[^A-Za-z0-9_.-]", "_", self.content["model"])[:100].lstrip(".")
        return f"{model}-{self.content['precision']}-{width}x{height}-{self.sha256[:_DIGITS]}"

    @property
    def timing_name(self) -> str:
        """Name of the file of kernel timings, which every engine of this GPU and TensorRT shares."""
        shared = {key: self.content[key] for key in ("tensorrt", "gpu", "compute_capability")}
        return f"timing-{_sha256(shared)[:_DIGITS]}.cache"


def _sha256(content: Dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode("utf-8")).hexdigest()
