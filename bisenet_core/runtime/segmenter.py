"""Segmenter: a model folder in, then images in and labels out."""

from time import perf_counter
from typing import Any, Optional

import numpy as np

from bisenet_core.errors import InputError
from bisenet_core.labels.label_space import LabelSpace
from bisenet_core.runtime.backend import Drawing, InferenceBackend, Segmentation
from bisenet_core.runtime.model_card import ModelCard, resolve_model
from bisenet_core.runtime.opening import open_backend
from bisenet_core.runtime.preprocessing import check_image, with_packed_rows


class Segmenter:
    """Labels images with one network. Calls may come from any thread; one image is labelled at a time.

    >>> with Segmenter.open("camvid_bisenetv2") as segmenter:
    ...     labels = segmenter.segment(image, color_order="bgr").labels
    """

    def __init__(self, card: ModelCard, backend: InferenceBackend) -> None:
        self.card = card
        self.backend = backend

    @classmethod
    def open(cls, model: str, backend: str = "auto", precision: str = "auto",
             input_width: int = 0, input_height: int = 0, engine_cache: str = "",
             fallback: str = "none") -> "Segmenter":
        """Load a model by folder, or by a name under the weights search path (see ``resolve_model``).

        ``backend``: auto (the first that opens, a GPU's first), tensorrt, openvino, onnxruntime.
        ``precision``: auto (the fastest that costs little), fp32, fp16 on a GPU, bf16 on a CPU that has it,
        int8 where the model is quantised.
        ``input_width`` and ``input_height`` replace the card's input size; 0 keeps it. ``engine_cache`` is
        the folder of TensorRT's engines, "" the user's cache. ``fallback`` "cpu": a CPU takes over from a GPU
        that fails. Raises InputError.
        """
        if input_width < 0 or input_height < 0:
            raise InputError(
                f"input size {input_width}x{input_height}: expected pixels, or 0 for the model's own")
        card = ModelCard.load(resolve_model(model))
        size = (input_width or card.input_width, input_height or card.input_height)
        return cls(card, open_backend(card, backend, precision, size, engine_cache or None, fallback))

    @property
    def label_space(self) -> LabelSpace:
        """What the ids in the labels mean."""
        return self.card.label_space

    def segment(self, image: np.ndarray, color_order: str = "rgb",
                with_confidence: bool = False, drawing: Optional[Drawing] = None) -> Segmentation:
        """Label one image: uint8, HxWx3 ("rgb", "bgr"), HxWx4 ("rgba", "bgra"), HxW ("mono") or HxWx2
        ("uyvy", "yuyv", of even width), any size.

        The image may be a strided view and is not changed. The arrays returned are the caller's own.
        ``drawing`` asks for pictures, which a backend without a GPU leaves to the caller.
        Raises InputError for another kind of image, InferenceError for logits that are no numbers,
        DeviceError for a device that fails, RuntimeError after close.
        """
        started = perf_counter()
        check_image(image, color_order)
        image, color_order = with_packed_rows(image, color_order)
        result = self.backend.infer(image, color_order, with_confidence, drawing)
        return result._replace(timings=dict(result.timings, total_ms=1e3 * (perf_counter() - started)))

    def close(self) -> None:
        """Free the network. Harmless when repeated."""
        self.backend.close()

    def __enter__(self) -> "Segmenter":
        return self

    def __exit__(self, *exception: Any) -> None:
        self.close()
