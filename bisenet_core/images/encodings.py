"""View a camera's raw image as an array: its own bytes, where a network takes them as they are."""

import re
from typing import Any, Tuple

import cv2
import numpy as np

from bisenet_core.errors import NAME_LENGTH, InputError
from bisenet_core.images.raw_formats import ENCODINGS, SAMPLE_BITS, Encoding

#: (from, to) -> OpenCV's code. Alpha is dropped, not blended: cameras fill it with a constant.
COLOR_CONVERSIONS = {
    ("rgb", "bgr"): cv2.COLOR_RGB2BGR, ("bgr", "rgb"): cv2.COLOR_BGR2RGB,
    ("rgba", "rgb"): cv2.COLOR_RGBA2RGB, ("rgba", "bgr"): cv2.COLOR_RGBA2BGR,
    ("bgra", "rgb"): cv2.COLOR_BGRA2RGB, ("bgra", "bgr"): cv2.COLOR_BGRA2BGR,
    ("mono", "rgb"): cv2.COLOR_GRAY2RGB, ("mono", "bgr"): cv2.COLOR_GRAY2BGR,
    ("uyvy", "rgb"): cv2.COLOR_YUV2RGB_UYVY, ("yuyv", "rgb"): cv2.COLOR_YUV2RGB_YUYV,
}

#: Colour orders of YUV 4:2:2, two pixels to a pair of colour differences: HxWx2, of even width.
PACKED_YUV = ("uyvy", "yuyv")


class ImageError(InputError):
    """An image that cannot be read. ``reason`` is one word for counting: see ``view_image``."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def view_image(data: Any, height: int, width: int, encoding: str, step: int,
               is_bigendian: bool = False, significant_bits: int = SAMPLE_BITS) -> Tuple[np.ndarray, str]:
    """Bytes of an image -> (uint8 array, colour order), in any of ENCODINGS.

    rgb8, bgr8 and 8UC3 give HxWx3, rgba8 and bgra8 HxWx4, mono8 and 8UC1 HxW, uyvy and yuyv HxWx2: views, not
    copies, which can be written to only where the buffer can. The others are converted once: mono16 to HxW,
    nv12, nv21 and Bayer to HxWx3. The colour order is "rgb", "bgr", "rgba", "bgra", "mono", "uyvy" or "yuyv".
    ``data`` is any contiguous buffer; rows start ``step`` bytes apart, and the padding behind the last row
    may be missing. Of nv12 and nv21, where a step may be meant for both planes together, the number of bytes
    decides. ``is_bigendian`` and ``significant_bits``, 8 to 16 at the lower end of a sample, matter to 16-bit
    samples alone. Raises ImageError with the reason
    "unsupported_encoding", "zero_size", "bad_size", "bad_step" or "truncated".
    """
    if encoding not in ENCODINGS:
        raise refuse_encoding(encoding)
    layout = ENCODINGS[encoding]
    check_size(height, width)
    _check_multiple(height, width, encoding, layout)
    rows, row = int(height * layout.height_scaling), width * layout.pixel_bytes
    found = memoryview(data).nbytes
    if layout.height_scaling != 1:
        step = _planar_step(found, rows, row, step)
    _check_bytes(found, rows, row, step, f"{width}x{height} {encoding}")
    image = _rows(data, rows, width, layout.pixel_bytes, step)
    return ((image if layout.convert is None else layout.convert(image, is_bigendian, significant_bits)),
            layout.color_order)


def to_rgb(image: np.ndarray, color_order: str) -> np.ndarray:
    """HxWxC or HxW uint8 as ``view_image`` gives it -> contiguous HxWx3 uint8 RGB.

    Alpha is dropped. An image that is so already is returned itself, uncopied: do not write into it.
    """
    if color_order == "rgb":
        return np.ascontiguousarray(image)
    return cv2.cvtColor(image, COLOR_CONVERSIONS[color_order, "rgb"])


def check_size(height: int, width: int) -> None:
    """Raise ImageError "zero_size" unless there is at least one pixel."""
    if height < 1 or width < 1:
        raise ImageError("zero_size", f"the image is {width}x{height} pixels; expected at least 1x1")


def refuse_encoding(encoding: str) -> ImageError:
    """The error for an encoding that cannot be read, with those that can."""
    return ImageError("unsupported_encoding", "unsupported encoding '{}'; expected one of {}".format(
        encoding[:NAME_LENGTH], _known()))


def _check_multiple(height: int, width: int, encoding: str, layout: Encoding) -> None:
    across, down = layout.multiple
    if width % across or height % down:
        raise ImageError("bad_size", f"the image is {width}x{height} pixels; {encoding} needs multiples of "
                                     f"{across} and {down}")
    if min(height, width) < layout.smallest:
        raise ImageError("bad_size", f"the image is {width}x{height} pixels; {encoding} needs at least "
                                     f"{layout.smallest}x{layout.smallest}")


def _planar_step(found: int, rows: int, row: int, step: int) -> int:
    """The bytes of a row in either plane, where ``step`` counts 1.5 or 2 of them, as some drivers have it."""
    stride = found // rows
    if found % rows or not row <= stride < step:
        return step
    return stride if stride == row or 2 * step in (3 * stride, 4 * stride) else step


def _check_bytes(found: int, rows: int, row: int, step: int, what: str) -> None:
    if step < row:
        raise ImageError("bad_step", f"step is {step} bytes; a row of a {what} image needs at least {row}")
    needed = step * (rows - 1) + row
    if found < needed:
        raise ImageError("truncated", f"truncated image: {what} with step {step} needs {needed} bytes, "
                                      f"found {found}" + ("" if found != rows * row else
                                      ", just those of rows without padding: check the step"))


def _rows(data: Any, rows: int, width: int, pixel_bytes: int, step: int) -> np.ndarray:
    if pixel_bytes == 1:
        return np.ndarray((rows, width), np.uint8, data, strides=(step, 1))
    return np.ndarray((rows, width, pixel_bytes), np.uint8, data, strides=(step, pixel_bytes, 1))


def _known() -> str:
    return ", ".join(dict.fromkeys(re.sub("bayer_....", "bayer_*", name) for name in ENCODINGS))
