"""Sliding-window testing, as mmsegmentation defines it: logits are averaged where windows overlap."""

from dataclasses import dataclass
from itertools import product
from typing import ClassVar

import numpy as np

from bisenet_core.errors import InputError
from bisenet_core.evaluation.protocols.logits import resized, size_of, upsampled, winner
from bisenet_core.evaluation.protocols.protocol import Protocol
from bisenet_core.evaluation.protocols.sized_network import Size, SizedNetwork


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
        if self.window and self.stride and any(s > w for s, w in zip(self.stride, self.window)):
            raise InputError(
                f"stride {_text(self.stride)} leaves gaps between windows of {_text(self.window)}; "
                "expected at most the window's size"
            )

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
        for part in product(_spans(height, down, steps[1]), _spans(width, across, steps[0])):  # rows, columns
            window = view[part]
            logits = network.logits(window)
            total[:, part[0], part[1]] += upsampled(logits, size_of(window), network.card.upsampling)
            count[part] += 1
        total /= count
        return total


def _spans(length: int, window: int, stride: int) -> list[slice]:
    window = min(window, length)
    steps = -(-(length - window) // stride)  # rounded up
    starts = (min(step * stride, length - window) for step in range(steps + 1))
    return [slice(start, start + window) for start in starts]


def _text(size: Size) -> str:
    return "{}x{}".format(*size)
