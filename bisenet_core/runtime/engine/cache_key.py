"""CacheKey: everything an engine depends on."""

import hashlib
import json
import re
from typing import Any, Dict

from bisenet_core.runtime.engine.options import EngineOptions
from bisenet_core.runtime.model_card import ModelCard

#: Raise it when EngineBuilder makes other engines of the same options.
_BUILDER_REVISION = 1
_DIGITS = 16


class CacheKey:
    """Names an engine after what it was made of, so that another network, GPU or TensorRT finds another file.

    ``device`` has a ``name`` and a ``compute_capability`` (major, minor).
    """

    def __init__(self, card: ModelCard, options: EngineOptions, device: Any, trt: Any) -> None:
        #: JSON object, for people who look into the cache.
        self.content: Dict[str, Any] = {
            "model": card.name, "onnx_sha256": card.onnx_sha256, "tensorrt": str(trt.__version__),
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
