"""A backend that does what a GPU's does, on the CPU: draws, takes YUV as it is, and fails when told to.

``install`` puts it in the place of TensorRT, behind a driver and a library that seem to be there.
"""

import dataclasses
import sys
from types import ModuleType

import numpy as np

from bisenet_core.errors import DeviceError
from bisenet_core.images.encodings import to_rgb
from bisenet_core.labels.label_space import unlabel_unsure
from bisenet_core.labels.visualization import overlay
from bisenet_core.runtime import candidates, opening
from bisenet_core.runtime.backend import InferenceBackend

WHITE = 250  # the darkest channel value of the image that the device is lost over


class StandInGpu(InferenceBackend):
    """Labels as the CPU does."""

    name = "tensorrt"
    packed_yuv = True
    device, version, precision = "Stand-in GPU", "0.0", "fp16"
    seen = []  # (colour order, drawing) of each image, over all instances

    def __init__(self, card, precision, input_size, engine_cache=None):
        self.engine_cache, self.closed = engine_cache, False
        self._card = card
        self._cpu = candidates.open_first(
            [one for one in candidates.CANDIDATES if one.device == "cpu"],
            lambda one: opening._open(one, card, "fp32", input_size, None))[0]

    @property
    def input_size(self):
        return self._cpu.input_size

    def infer(self, image, color_order, with_confidence=False, drawing=None):
        self.seen.append((color_order, drawing))
        self._fail_over_white(image)
        result = self._cpu.infer(image, color_order, with_confidence=True)
        if not with_confidence:
            result = result._replace(confidence=None)
        return result if drawing is None else self._draw(result, image, color_order, drawing)

    def logits(self, image, color_order):
        self._fail_over_white(image)
        return self._cpu.logits(image, color_order)

    def close(self):
        self.closed = True
        self._cpu.close()

    def _fail_over_white(self, image):
        if self.closed:
            raise RuntimeError("has been closed")
        if image.min() >= WHITE:
            raise DeviceError("out of memory")

    def _draw(self, result, image, color_order, drawing):
        labels = result.labels
        if drawing.min_confidence:
            labels = unlabel_unsure(labels, result.confidence, drawing.min_confidence)
        masks = np.array([255 * (labels == one) for one in drawing.masks], np.uint8)
        picture = None if drawing.overlay_alpha is None else overlay(
            to_rgb(image, color_order), labels, _in_colors(self._card.label_space, drawing.palette),
            drawing.overlay_alpha)
        return result._replace(masks=masks if drawing.masks else None, overlay=picture)


def _in_colors(space, lut):
    return space if lut is None else dataclasses.replace(
        space, palette=tuple(map(tuple, lut[:space.num_classes].tolist())))


def install(replace=setattr, replace_item=dict.__setitem__):
    """Put it in TensorRT's place, with functions such as monkeypatch's ``setattr`` and ``setitem``."""
    replace(candidates, "check_driver", lambda: None)
    replace_item(sys.modules, "tensorrt", ModuleType("tensorrt"))
    replace_item(opening.BACKENDS, "tensorrt", __name__ + ":StandInGpu")
