"""HostBackend: pre- and post-processing on the CPU around a network that some library runs."""

import threading
from abc import abstractmethod
from pathlib import Path
from time import perf_counter
from typing import Optional, Tuple

import numpy as np

from bisenet_core.errors import InputError
from bisenet_core.runtime.backend import Drawing, InferenceBackend, Segmentation
from bisenet_core.runtime.model_card import ModelCard
from bisenet_core.runtime.postprocessing import labels_from_logits
from bisenet_core.runtime.preprocessing import fit_image


class HostBackend(InferenceBackend):
    """A subclass loads the network and runs it on ``self._image``; everything else is here.

    ``self._image`` is the network's input, hxwx3 uint8 in the card's colour order, written afresh for every
    frame. Labels are never kept: they belong to the caller.
    """

    def __init__(self, card: ModelCard, input_size: Tuple[int, int]) -> None:
        self._card = card
        self.input_size = input_size
        self._image = np.zeros((input_size[1], input_size[0], 3), np.uint8)
        # Two threads in here at once would share the buffer and label one frame with the other's classes.
        self._lock = threading.Lock()
        self._closed = False

    @abstractmethod
    def _run(self) -> np.ndarray:
        """Logits of ``self._image``, 1xCx(h/8)x(w/8) float32, valid until the next call."""

    @abstractmethod
    def _free(self) -> None:
        """Free the network."""

    def infer(self, image: np.ndarray, color_order: str, with_confidence: bool = False,
              drawing: Optional[Drawing] = None) -> Segmentation:
        with self._lock:
            started = perf_counter()
            self._fit_image(image, color_order)
            taken = perf_counter()
            logits = self._run()
            ran = perf_counter()
            labels, confidence = labels_from_logits(
                logits, self.input_size, (image.shape[1], image.shape[0]), with_confidence,
                self._card.upsampling, self._card.temperature)
            ended = perf_counter()
        return Segmentation(labels, confidence, {
            "preprocess_ms": 1e3 * (taken - started), "network_ms": 1e3 * (ran - taken),
            "postprocess_ms": 1e3 * (ended - ran)})

    def logits(self, image: np.ndarray, color_order: str) -> np.ndarray:
        with self._lock:
            self._fit_image(image, color_order)
            return self._run().copy()

    def close(self) -> None:
        with self._lock:
            if not self._closed:
                self._closed = True
                self._free()

    def _fit_image(self, image: np.ndarray, color_order: str) -> None:
        if self._closed:
            raise RuntimeError(f"this backend ({self.name}) has been closed; open the model again")
        fit_image(image, color_order, self._card.color_order, self._image)

    @property
    def _network_file(self) -> Path:
        return self._card.network_file(self.precision)

    def _load_error(self, error: Exception) -> InputError:
        """One line for a network that its library will not load or run at this size."""
        lines = [line.strip() for line in [type(error).__name__] + str(error).splitlines() if line.strip()]
        return InputError(
            "{} does not load in {} for an input of {}x{}: {}; choose another input size, or export the "
            "model again".format(self._network_file, self.name, *self.input_size, lines[-1].rstrip(".")))

    def _probe(self) -> None:
        """Run once, so that a network that does not fit its card is refused now, not at the first frame."""
        shape = self._run().shape
        classes = self._card.label_space.num_classes
        if len(shape) != 4 or shape[:2] != (1, classes):
            raise InputError(f"{self._network_file} gives logits of shape {list(shape)}; expected "
                             f"[1, {classes}, height / 8, width / 8], as model.json names {classes} classes")
