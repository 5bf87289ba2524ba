"""The ways to label an image for scoring: single scale, resized, padded, multi-scale, sliding window."""

import math
from dataclasses import dataclass
from itertools import product
from typing import ClassVar

import cv2
import numpy as np

from bisenet_core.errors import InputError
from bisenet_core.evaluation.protocols.protocol import (
    Protocol,
    Size,
    SizedNetwork,
    resized,
    size_of,
    softmax,
    upsampled,
    winner,
)
from bisenet_core.runtime.postprocessing import labels_from_logits
from bisenet_core.runtime.segmenter import Segmenter


@dataclass(frozen=True)
class Single(Protocol):
    """The Segmenter's own labels: argmax at the network's input size (``size``, by default the model's own),
    labels brought to the image's size by nearest neighbour."""

    kind: ClassVar[str] = "single"

    def labels(self, network: SizedNetwork, image: np.ndarray) -> np.ndarray:
        backend = network.at(self.size or network.own_size)
        return Segmenter(network.card, backend).segment(image, color_order="rgb").labels


@dataclass(frozen=True)
class Resize(Protocol):
    """The papers' protocol (BiSeNet V2, Section 5, "Inference"): the image is resized to ``size`` (by default
    the model's own), 1024x512 for 2048x1024 in the papers; its logits are upsampled to the image's size,
    bilinearly and in one step, where the argmax is taken.

    The paper speaks of "the prediction" that is resized; public code of all three papers resizes logits.
    """

    kind: ClassVar[str] = "resize"

    def labels(self, network: SizedNetwork, image: np.ndarray) -> np.ndarray:
        return _labels_at(network, resized(image, self.size or network.own_size), size_of(image))


@dataclass(frozen=True)
class Pad(Protocol):
    """COCO-Stuff's protocol (BiSeNet V2, Section 5.3): the image, unscaled, is padded to ``size`` (by default
    the model's own; 640x640 in the paper) on the right and below with the card's mean colour, as in training.
    The logits are upsampled to the padded image's size, and the part that is the image is labelled.
    """

    kind: ClassVar[str] = "pad"

    def labels(self, network: SizedNetwork, image: np.ndarray) -> np.ndarray:
        size, (width, height) = self.size or network.own_size, size_of(image)
        right, below = size[0] - width, size[1] - height
        if min(right, below) < 0:
            raise InputError(
                f"an image of {width}x{height} does not fit into {size[0]}x{size[1]}; choose a larger --size"
            )
        colour = [round(255 * value) for value in network.card.mean]
        padded = cv2.copyMakeBorder(image, 0, below, 0, right, cv2.BORDER_CONSTANT, value=colour)
        return np.ascontiguousarray(_labels_at(network, padded, size)[:height, :width])


#: mmsegmentation's.
SCALES = (0.5, 0.75, 1.0, 1.25, 1.5, 1.75)


@dataclass(frozen=True)
class MultiScale(Protocol):
    """One view of the image for each of ``scales``, and the mirror image of each with ``flip``.

    A scale is a factor of ``size``, by default the model's own. The logits of a view are upsampled to the
    image's size, turned into probabilities (softmax) and, where the view was mirrored, mirrored back; the
    mean over all views decides.
    """

    scales: tuple[float, ...] = SCALES
    flip: bool = True

    kind: ClassVar[str] = "multiscale"

    def __post_init__(self) -> None:
        if not self.scales or not all(0 < scale < math.inf for scale in self.scales):
            raise InputError(f"scales {list(self.scales)}: expected one or several numbers above 0")

    def labels(self, network: SizedNetwork, image: np.ndarray) -> np.ndarray:
        total: np.ndarray | float = 0.0
        width, height = self.size or network.own_size
        for scale in self.scales:
            view = resized(image, (round(scale * width), round(scale * height)))
            total = total + self._probabilities(network, view, size_of(image))
        return winner(np.asarray(total))

    def _probabilities(self, network: SizedNetwork, view: np.ndarray, size: Size) -> np.ndarray:
        """Of ``view``, at ``size``; with that of its mirror image added."""
        rule = network.card.upsampling
        found = softmax(upsampled(network.logits(view), size, rule))
        if self.flip:
            found += softmax(upsampled(network.logits(view[:, ::-1]), size, rule))[..., ::-1]
        return found


@dataclass(frozen=True)
class Sliding(Protocol):
    """Windows of ``window`` (by default the model's own size), ``stride`` apart (two thirds of the window),
    over the image at ``size`` (the image's own).

    The last window of a row or column is moved back to end with the image; one that is larger than the image
    is cut to it, without padding. Each window's logits are upsampled to its pixels; the mean over the
    windows that hold a pixel decides, upsampled to the image's own size where ``size`` is another.
    """

    window: Size | None = None
    stride: Size | None = None

    kind: ClassVar[str] = "sliding"

    def __post_init__(self) -> None:
        if self.window and self.stride:
            _refuse_gaps(self.stride, self.window)

    def labels(self, network: SizedNetwork, image: np.ndarray) -> np.ndarray:
        view = resized(image, self.size or size_of(image))
        logits = self._mean_logits(network, view)
        if size_of(view) != size_of(image):
            logits = upsampled(logits, size_of(image), network.card.upsampling)
        return winner(logits)

    def _mean_logits(self, network: SizedNetwork, view: np.ndarray) -> np.ndarray:
        height, width = view.shape[:2]
        total = np.zeros((network.card.label_space.num_classes, height, width), np.float32)
        count = np.zeros((height, width), np.float32)
        across, down = self.window or network.own_size
        steps = self.stride or (max(2 * across // 3, 1), max(2 * down // 3, 1))
        _refuse_gaps(steps, (across, down))
        for part in product(_spans(height, down, steps[1]), _spans(width, across, steps[0])):  # rows, columns
            window = view[part]
            logits = network.logits(window)
            total[:, part[0], part[1]] += upsampled(logits, size_of(window), network.card.upsampling)
            count[part] += 1
        total /= count
        return total


def _refuse_gaps(stride: Size, window: Size) -> None:
    if any(s > w for s, w in zip(stride, window)):
        raise InputError(f"stride {_text(stride)} leaves gaps between windows of {_text(window)}; "
                         "expected at most the window's size")


def _labels_at(network: SizedNetwork, view: np.ndarray, size: Size) -> np.ndarray:
    """Labels of ``view``, of its logits upsampled to ``size``."""
    logits, rule = network.logits(view), network.card.upsampling
    return labels_from_logits(logits[None], size, size, upsampling=rule)[0]


def _spans(length: int, window: int, stride: int) -> list[slice]:
    window = min(window, length)
    steps = -(-(length - window) // stride)  # rounded up
    starts = (min(step * stride, length - window) for step in range(steps + 1))
    return [slice(start, start + window) for start in starts]


def _text(size: Size) -> str:
    return "{}x{}".format(*size)
