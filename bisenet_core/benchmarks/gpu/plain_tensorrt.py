"""Section plain_tensorrt: how TensorRT is mostly used, with upsampling and argmax inside the engine.

The image is resized and normalised on the CPU, by the fastest code we have for that; a float tensor goes to
the GPU, INT32 labels of the network's size come back and are resized on the CPU.
"""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

from bisenet_core.benchmarks.gpu.engine_sections import open_session
from bisenet_core.benchmarks.gpu.kit import Subject
from bisenet_core.benchmarks.gpu.section import Settings, Step, size_text
from bisenet_core.benchmarks.segmenter_speed import on_each, streets
from bisenet_core.benchmarks.timing import percentiles_of
from bisenet_core.errors import InputError
from bisenet_core.runtime.model_card import ModelCard
from bisenet_core.runtime.preprocessing import fit_image, network_statistics, normalisation_tables, normalise


class PlainSegmenter:
    """``infer`` turns the float32 ``network_input`` (1x3xhxw), in place, into labels (1xhxw, any integer)."""

    def __init__(
        self, card: ModelCard, network_input: np.ndarray, infer: Callable[[], np.ndarray]
    ) -> None:
        self._order = card.color_order
        self._tables = normalisation_tables(*network_statistics(card.mean, card.std, card.color_order))
        self._fitted = np.empty((card.input_height, card.input_width, 3), np.uint8)
        self._input, self._infer = network_input, infer

    def segment(self, image: np.ndarray) -> np.ndarray:
        """HxWx3 uint8 rgb -> HxW uint8 labels."""
        fit_image(image, "rgb", self._order, self._fitted)
        normalise(self._fitted, self._tables, self._input)
        labels = self._infer()[0].astype(np.uint8)
        return cv2.resize(labels, image.shape[1::-1], interpolation=cv2.INTER_NEAREST)


def measure(step: Step, settings: Settings) -> dict[str, Any]:
    """As the sections network and segment: ``network_ms``, and ``wall_ms`` for each camera size."""
    if settings.is_stand_in:
        raise InputError(f"{settings.backend} stands in for TensorRT; its plain way is not measured")
    subject = Subject(settings.kit / step.subject)
    with open_session(subject.plain_card, step.precision) as session:
        plain = PlainSegmenter(subject.card, session.input, session.infer)
        shares = [float(np.mean(plain.segment(image) == labels)) for image, labels in subject.references()]
        found: dict[str, Any] = {
            "equal_labels": min(shares),
            "network_ms": percentiles_of(session.run, settings.frames, settings.warm_up),
        }
        for camera in settings.cameras:
            times = percentiles_of(on_each(plain.segment, streets(camera)), settings.frames, settings.warm_up)
            found[size_text(camera)] = {"wall_ms": times}
    return found
