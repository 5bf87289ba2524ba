"""InferenceBackend: the interface of everything that runs a network for the Segmenter."""

from abc import ABC, abstractmethod
from typing import Dict, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from bisenet_core.errors import InputError


class Drawing(NamedTuple):
    """Pictures of the labels that a backend may make where it has them, on the device."""

    masks: Tuple[int, ...] = ()             # class ids, one mask each
    overlay_alpha: Optional[float] = None   # 0..1: an overlay of this opacity; None: no overlay
    min_confidence: float = 0.0             # 0..1; less probable pixels have no class in masks and overlay
    palette: Optional[np.ndarray] = None    # 256x3 uint8 RGB, of the overlay; None: the model's own


class Segmentation(NamedTuple):
    """One labelled image; the arrays belong to the caller.

    Masks and overlay are None from a backend that draws nothing: the caller then draws them itself.
    """

    labels: np.ndarray                # HxW uint8, class ids of the label space, the image's own size
    confidence: Optional[np.ndarray]  # HxW uint8, 255 times the winning class's probability, or None
    timings: Dict[str, float]         # preprocess_ms, network_ms, postprocess_ms; a Segmenter adds total_ms
    masks: Optional[np.ndarray] = None    # KxHxW uint8, 0 or 255, in the order of Drawing.masks
    overlay: Optional[np.ndarray] = None  # HxWx3 uint8 RGB, as visualization.overlay draws it


class InferenceBackend(ABC):
    """Runs one network at one input size. Calls may come from any thread; it serves one at a time.

    A subclass sets the attributes below when it is opened.
    """

    #: "tensorrt", "openvino", "onnxruntime", ...
    name = ""
    #: what the network computes in: "fp32", "bf16", "fp16" or "int8"
    precision = ""
    #: the processor, in words
    device = ""
    #: version of the library that runs the network
    version = ""
    #: (width, height) of the network's input in pixels
    input_size = (0, 0)  # type: Tuple[int, int]
    #: whether it computes on a GPU
    on_gpu = False
    #: whether it takes YUV 4:2:2 as it is; one that does not converts it first, on the CPU
    packed_yuv = False
    #: why it is this one that runs
    reason = ""
    #: what failed, where this backend has had to take over from another; "" = nothing
    failure = ""

    @abstractmethod
    def infer(self, image: np.ndarray, color_order: str, with_confidence: bool = False,
              drawing: Optional[Drawing] = None) -> Segmentation:
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


def choose_precision(requested: str, available: Sequence[str], where: str, int8_obstacle: str = "") -> str:
    """The precision to run in; "auto" is the first of ``available``.

    ``where`` is the backend and device; ``int8_obstacle`` says why INT8 is not to be had, for the InputError.
    """
    if requested == "auto":
        return available[0]
    if requested not in available:
        reason = f", as {int8_obstacle}" if requested == "int8" and int8_obstacle else ""
        raise InputError(f"precision '{requested}' is not available with {where}{reason}; use auto or "
                         + " or ".join(available))
    return requested
