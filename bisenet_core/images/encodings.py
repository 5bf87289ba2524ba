"""The raw image encodings of sensor_msgs: how their bytes lie, and a view of them as 8-bit RGB or grey.

An image is viewed as it lies where a network takes its bytes as they are. YUV is BT.601 in its video range
(black 16, white 235), as OpenCV and cv_bridge read it. Of 16-bit samples the high byte is kept: it maps
0..65535 onto 0..255 within one level, is the exact inverse of repeating a byte, is what OpenCV does to a
16-bit PNG, and costs no arithmetic. Of a camera that leaves the upper bits empty, say 12 bits in mono16, it
would be dark: there the upper eight of the ``significant_bits`` are kept.
"""

import re
from typing import Any, Callable, Dict, NamedTuple, Optional, Tuple

import cv2
import numpy as np

from bisenet_core.errors import NAME_LENGTH, InputError

#: Bits of a sample in the encodings of 16 bits, all of them significant unless a camera says otherwise.
SAMPLE_BITS = 16

#: (rows x width [x bytes of a pixel] uint8 as they lie in the message, big endian, significant bits) -> HxWx3
#: or HxW uint8.
Conversion = Callable[[np.ndarray, bool, int], np.ndarray]


class Encoding(NamedTuple):
    """How one encoding's bytes lie, and what makes an image of them."""

    color_order: str                       # "rgb", "bgr", "rgba", "bgra", "mono", "uyvy" or "yuyv"
    pixel_bytes: int                       # from one pixel of a row to the next
    convert: Optional[Conversion] = None   # None: the bytes are the image already
    multiple: Tuple[int, int] = (1, 1)     # of width and height, where neighbours share their colour
    smallest: int = 1                      # width and height
    height_scaling: float = 1.0            # rows of bytes to rows of pixels, as image_encodings.hpp names it


def _cv2(code: int) -> Conversion:
    return lambda rows, is_bigendian, bits: cv2.cvtColor(rows, code)


def scale_down(samples: np.ndarray, significant_bits: int) -> np.ndarray:
    """uint16 samples -> the upper eight of their 8 to 16 significant bits, uint8; what has more is 255."""
    return np.minimum(samples >> (significant_bits - 8), 255).astype(np.uint8)


def _eight_bits(rows: np.ndarray, is_bigendian: bool, bits: int) -> np.ndarray:
    high, low = (rows[..., 0], rows[..., 1]) if is_bigendian else (rows[..., 1], rows[..., 0])
    if bits == SAMPLE_BITS:
        return np.ascontiguousarray(high)
    return scale_down(high.astype(np.uint16) << 8 | low, bits)


def _eight_bits_cv2(code: int) -> Conversion:
    return lambda rows, is_bigendian, bits: cv2.cvtColor(_eight_bits(rows, is_bigendian, bits), code)


_UYVY = Encoding("uyvy", 2, multiple=(2, 1))
_YUYV = Encoding("yuyv", 2, multiple=(2, 1))

# OpenCV names a pattern by the second row's second and third pixel, ROS by the first row's first two.
_BAYER = {"rggb": cv2.COLOR_BayerBG2RGB, "bggr": cv2.COLOR_BayerRG2RGB,
          "gbrg": cv2.COLOR_BayerGR2RGB, "grbg": cv2.COLOR_BayerGB2RGB}


def _bayer() -> Dict[str, Encoding]:
    found = {}
    for pattern, code in _BAYER.items():
        # Below 3x3 OpenCV finds no neighbours to interpolate from, and gives black.
        found[f"bayer_{pattern}8"] = Encoding("rgb", 1, _cv2(code), smallest=3)
        found[f"bayer_{pattern}16"] = Encoding("rgb", 2, _eight_bits_cv2(code), smallest=3)
    return found


#: By the name sensor_msgs gives them. nv12 and nv21: ``height`` counts the image's rows, ``step`` the bytes
#: of a row in either plane, and height/2 rows of chroma follow the luma directly.
ENCODINGS: Dict[str, Encoding] = {
    "rgb8": Encoding("rgb", 3), "bgr8": Encoding("bgr", 3), "rgba8": Encoding("rgba", 4),
    "bgra8": Encoding("bgra", 4), "mono8": Encoding("mono", 1),
    "8UC1": Encoding("mono", 1), "8UC3": Encoding("bgr", 3),  # colours as OpenCV and cv_bridge mean them
    "mono16": Encoding("mono", 2, _eight_bits),
    "uyvy": _UYVY, "yuv422": _UYVY, "yuyv": _YUYV, "yuv422_yuy2": _YUYV,  # the longer names are the old ones
    "nv12": Encoding("rgb", 1, _cv2(cv2.COLOR_YUV2RGB_NV12), multiple=(2, 2), height_scaling=1.5),
    "nv21": Encoding("rgb", 1, _cv2(cv2.COLOR_YUV2RGB_NV21), multiple=(2, 2), height_scaling=1.5),
    **_bayer(),
}

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
