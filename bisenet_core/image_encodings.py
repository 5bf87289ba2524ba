"""Camera images as arrays: a view of the message's own bytes, never a copy."""

from typing import Any, Tuple

import cv2
import numpy as np

from bisenet_core.errors import InputError

#: Encoding, as sensor_msgs names it -> (colour order, channels). All of them have 8 bits per channel.
ENCODINGS = {
    "rgb8": ("rgb", 3), "bgr8": ("bgr", 3), "rgba8": ("rgba", 4), "bgra8": ("bgra", 4), "mono8": ("mono", 1),
}

#: (from, to) -> OpenCV's code. Alpha is dropped, not blended: cameras fill it with a constant.
COLOR_CONVERSIONS = {
    ("rgb", "bgr"): cv2.COLOR_RGB2BGR, ("bgr", "rgb"): cv2.COLOR_BGR2RGB,
    ("rgba", "rgb"): cv2.COLOR_RGBA2RGB, ("rgba", "bgr"): cv2.COLOR_RGBA2BGR,
    ("bgra", "rgb"): cv2.COLOR_BGRA2RGB, ("bgra", "bgr"): cv2.COLOR_BGRA2BGR,
    ("mono", "rgb"): cv2.COLOR_GRAY2RGB, ("mono", "bgr"): cv2.COLOR_GRAY2BGR,
}


class ImageError(InputError):
    """An image that cannot be read. ``reason`` is one word for counting: see ``view_image``."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def view_image(data: Any, height: int, width: int, encoding: str, step: int,
               is_bigendian: bool = False) -> Tuple[np.ndarray, str]:
    """Bytes of an image -> (uint8 array, colour order), without a copy.

    rgb8 and bgr8 give HxWx3, rgba8 and bgra8 HxWx4, mono8 HxW; the colour order is "rgb", "bgr", "rgba",
    "bgra" or "mono". ``data`` is any contiguous buffer; rows start ``step`` bytes apart, and the padding
    behind the last row may be missing. ``is_bigendian`` says nothing about 8-bit channels. The array can be
    written to only where the buffer can. Raises ImageError with the reason "unsupported_encoding",
    "zero_size", "bad_step" or "truncated".
    """
    if encoding not in ENCODINGS:
        raise ImageError("unsupported_encoding", "unsupported encoding '{}'; expected one of {}".format(
            _printable(encoding), ", ".join(ENCODINGS)))
    order, channels = ENCODINGS[encoding]
    _check_layout(memoryview(data).nbytes, height, width, encoding, step)
    if channels == 1:
        return np.ndarray((height, width), np.uint8, data, strides=(step, 1)), order
    return np.ndarray((height, width, channels), np.uint8, data, strides=(step, channels, 1)), order


def to_rgb(image: np.ndarray, color_order: str) -> np.ndarray:
    """HxWxC or HxW uint8 as ``view_image`` gives it -> contiguous HxWx3 uint8 RGB.

    Alpha is dropped. An image that is so already is returned itself, uncopied: do not write into it.
    """
    if color_order == "rgb":
        return np.ascontiguousarray(image)
    return cv2.cvtColor(image, COLOR_CONVERSIONS[color_order, "rgb"])


def _check_layout(found: int, height: int, width: int, encoding: str, step: int) -> None:
    if height < 1 or width < 1:
        raise ImageError("zero_size", f"the image is {width}x{height} pixels; expected at least 1x1")
    row = width * ENCODINGS[encoding][1]
    if step < row:
        raise ImageError(
            "bad_step", f"step is {step} bytes; a row of {width} {encoding} pixels needs at least {row}")
    needed = step * (height - 1) + row
    if found < needed:
        raise ImageError("truncated", f"truncated image: {width}x{height} {encoding} with step {step} needs "
                                      f"{needed} bytes, found {found}")


def _printable(text: str) -> str:
    # Whatever a camera sends must stay one readable line in the log.
    return "".join(c if c.isprintable() else "?" for c in str(text)[:40])
