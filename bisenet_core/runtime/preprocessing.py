"""From a camera image to the network's input: size, colour order, normalisation.

The definition, the same in every backend: the 8-bit image is resized bilinearly with half-pixel centres
(``cv2.resize``, INTER_LINEAR, each value rounded to 8 bit again), brought to the card's colour order, and
normalised as (value / 255 - mean) / std. An image that has the network's size already is not resized.
"""

from typing import Any, Sequence, Tuple

import cv2
import numpy as np

from bisenet_core.errors import InputError
from bisenet_core.images.encodings import COLOR_CONVERSIONS, PACKED_YUV, to_rgb

#: Colour orders an image may come in, and its number of channels; "mono" is HxW without a channel axis.
COLOR_CHANNELS = {"rgb": 3, "bgr": 3, "rgba": 4, "bgra": 4, "mono": 1, "uyvy": 2, "yuyv": 2}


def check_image(image: np.ndarray, color_order: str) -> None:
    """Raise InputError unless ``image`` is a non-empty uint8 array of the shape ``color_order`` implies."""
    if color_order not in COLOR_CHANNELS:
        raise InputError("unknown color_order '{}'; expected one of {}".format(
            color_order, ", ".join(COLOR_CHANNELS)))
    channels = COLOR_CHANNELS[color_order]
    expected = "HxW" if channels == 1 else f"HxWx{channels}"
    if not isinstance(image, np.ndarray):
        raise InputError(
            f"the image is a {type(image).__name__}; expected a uint8 array, {expected} ({color_order})")
    fits = image.ndim == 2 if channels == 1 else image.ndim == 3 and image.shape[2] == channels
    if image.dtype != np.uint8 or not fits:
        raise InputError("the image is {} {}; expected uint8 {} ({})".format(
            image.dtype, "x".join(str(length) for length in image.shape) or "scalar", expected, color_order))
    if image.size == 0:
        raise InputError(f"the image is empty: {image.shape[1]}x{image.shape[0]} pixels")
    if color_order in PACKED_YUV and image.shape[1] % 2:
        raise InputError(f"the image is {image.shape[1]} pixels wide; {color_order} needs an even width")


def with_packed_rows(image: np.ndarray, color_order: str) -> Tuple[np.ndarray, str]:
    """The same picture and its colour order, each row in one piece: others are copied pixel by pixel.

    A reversed channel axis (``image[..., ::-1]``), which cost 35 ms for 2048x1024, only renames the order;
    any other such view is copied, channel by channel. Rows may lie apart.
    """
    if image.ndim == 3 and image.strides[2] < 0 and color_order in ("rgb", "bgr"):
        image, color_order = image[..., ::-1], color_order[::-1]
    if image[0].flags.c_contiguous:
        return image, color_order
    packed = np.empty(image.shape, np.uint8)
    for index in np.ndindex(*image.shape[2:]):
        packed[(...,) + index] = image[(...,) + index]
    return packed, color_order


def fit_image(image: np.ndarray, color_order: str, network_order: str, out: np.ndarray) -> None:
    """Write ``image``, resized and in ``network_order`` ("rgb" or "bgr"), into ``out`` (hxwx3 uint8).

    ``image`` is uint8 as ``check_image`` demands, possibly a strided view; it is not changed. YUV becomes RGB
    before it is resized: its pixels share their colours in pairs, which resizing would mix up.
    """
    if color_order in PACKED_YUV:
        image, color_order = to_rgb(image, color_order), "rgb"
    height, width = out.shape[:2]
    resized = image.shape[:2] != (height, width)
    if color_order == network_order:
        if resized:
            _store(cv2.resize(image, (width, height), dst=out, interpolation=cv2.INTER_LINEAR), out)
        else:
            np.copyto(out, image)
        return
    # Resizing first leaves the smaller image to convert when the camera's is the larger, as it usually is.
    if resized:
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
    _store(cv2.cvtColor(image, COLOR_CONVERSIONS[color_order, network_order], dst=out), out)


def _store(result: np.ndarray, out: np.ndarray) -> None:
    # OpenCV writes into dst when it can, and silently allocates another array when it cannot.
    if result is not out and not np.shares_memory(result, out):
        np.copyto(out, result)


def normalisation_tables(mean: Sequence[float], std: Sequence[float]) -> np.ndarray:
    """Normalised value of each 8-bit value: 3x256 float32, one row per channel.

    ``mean`` and ``std`` are on the 0..1 scale, in the order of the network's channels.
    """
    values = np.arange(256) / 255.0
    rows = [(values - channel_mean) / channel_std for channel_mean, channel_std in zip(mean, std)]
    return np.array(rows, np.float32)


def normalise(image: np.ndarray, tables: np.ndarray, out: np.ndarray) -> None:
    """Look every value of ``image`` (hxwx3 uint8) up in ``tables``, into ``out`` (1x3xhxw float32)."""
    for channel in range(3):
        # "clip" spares numpy a bounds check that needs a buffer; a uint8 index cannot be out of bounds.
        np.take(tables[channel], image[..., channel], out=out[0, channel], mode="clip")


def network_statistics(mean: Sequence[float], std: Sequence[float],
                       color_order: str) -> Tuple[Sequence[float], Sequence[float]]:
    """Mean and std, given in RGB order as a ModelCard holds them, in the network's channel order."""
    return (mean, std) if color_order == "rgb" else (tuple(mean)[::-1], tuple(std)[::-1])


def network_input(image: np.ndarray, card: Any) -> np.ndarray:
    """HxWx3 uint8 RGB of any size -> 1x3xhxw float32, as the network of the ModelCard ``card`` takes it."""
    fitted = np.empty((card.input_height, card.input_width, 3), np.uint8)
    fit_image(image, "rgb", card.color_order, fitted)
    tables = normalisation_tables(*network_statistics(card.mean, card.std, card.color_order))
    result = np.empty((1, 3) + fitted.shape[:2], np.float32)
    normalise(fitted, tables, result)
    return result
