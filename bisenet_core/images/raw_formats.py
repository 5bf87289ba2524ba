"""The raw image encodings of sensor_msgs: how their bytes lie, and how they become 8-bit RGB or grey.

YUV is BT.601 in its video range (black 16, white 235), as OpenCV and cv_bridge read it. Of 16-bit samples the
high byte is kept: it maps 0..65535 onto 0..255 within one level, is the exact inverse of repeating a byte, is
what OpenCV does to a 16-bit PNG, and costs no arithmetic. Of a camera that leaves the upper bits empty, say
12 bits in mono16, it would be dark: there the upper eight of the ``significant_bits`` are kept.
"""

from typing import Callable, Dict, NamedTuple, Optional, Tuple

import cv2
import numpy as np

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
