"""Segmenter: a model folder in, then images in and labels out."""

from time import perf_counter
from typing import Any, Dict, NamedTuple, Optional

import numpy as np

from bisenet_core.errors import InputError
from bisenet_core.label_space import LabelSpace
from bisenet_core.runtime.backend import InferenceBackend, open_backend
from bisenet_core.runtime.model_card import ModelCard, resolve_model
from bisenet_core.runtime.preprocessing import check_image


class Segmentation(NamedTuple):
    """One labelled image; the arrays belong to the caller."""

    labels: np.ndarray                # HxW uint8, class ids of the label space, the image's own size
    confidence: Optional[np.ndarray]  # HxW uint8, 255 times the winning class's probability, or None
    timings: Dict[str, float]         # preprocess_ms, network_ms, postprocess_ms, total_ms



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
             input_width: int = 0, input_height: int = 0) -> "Segmenter":
        """Load a model by folder, or by a name under the weights search path (see ``resolve_model``).

        ``backend``: auto, openvino, onnxruntime. ``precision``: auto (bf16 where the CPU has it), fp32, bf16.
        ``input_width`` and ``input_height`` replace the card's input size; 0 keeps it. Raises InputError.
        """
        if input_width < 0 or input_height < 0:
            raise InputError(
                f"input size {input_width}x{input_height}: expected pixels, or 0 for the model's own")
        card = ModelCard.load(resolve_model(model))
        size = (input_width or card.input_width, input_height or card.input_height)
        return cls(card, open_backend(card, backend, precision, size))

    @property
    def label_space(self) -> LabelSpace:
        """What the ids in the labels mean."""
        return self.card.label_space

    def segment(self, image: np.ndarray, color_order: str = "rgb",
                with_confidence: bool = False) -> Segmentation:
        """Label one image: uint8, HxWx3 ("rgb", "bgr"), HxWx4 ("rgba", "bgra") or HxW ("mono"), any size.

        The image may be a strided view and is not changed. The arrays returned are the caller's own.
        Raises InputError for another kind of image, InferenceError for logits that are no numbers,
        RuntimeError after close.
        """
        started = perf_counter()
        check_image(image, color_order)
        labels, confidence, timings = self.backend.infer(image, color_order, with_confidence)
        return Segmentation(labels, confidence, dict(timings, total_ms=1e3 * (perf_counter() - started)))

    def close(self) -> None:
        """Free the network. Harmless when repeated."""
        self.backend.close()

    def __enter__(self) -> "Segmenter":
        return self

    def __exit__(self, *exception: Any) -> None:
        self.close()
