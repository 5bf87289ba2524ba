"""Decode JPEG and PNG images of sensor_msgs/CompressedImage, when they are whole and of a sane size."""

import struct
from typing import Any, Tuple

import cv2
import numpy as np

from bisenet_core.images.compressed_structure import JPEG_SIGNATURE, PNG_SIGNATURE, jpeg_size, png_size
from bisenet_core.images.encodings import ImageError, printable, view_image

#: The most an image may have: 8192x8192. A few kB can claim any size, and memory is taken for all of it.
MAX_PIXELS = 1 << 26

# Grey stays grey, alpha goes, 16 bits become their high byte as in raw images. A camera's labels have the
# camera's rows and columns, so an orientation noted by EXIF turns nothing.
_FLAGS = cv2.IMREAD_ANYCOLOR | cv2.IMREAD_IGNORE_ORIENTATION

_CODECS = {"jpeg": JPEG_SIGNATURE, "jpg": JPEG_SIGNATURE, "png": PNG_SIGNATURE}


def decode_compressed(data: Any, description: str = "",
                      max_pixels: int = MAX_PIXELS) -> Tuple[np.ndarray, str]:
    """Bytes of a JPEG or PNG -> (uint8 array, colour order): HxWx3 in "bgr" or "rgb", HxW in "mono".

    ``data`` is any contiguous buffer; its own signature says what it is. ``description`` is the message's
    ``format``, such as "jpeg" or "rgb8; jpeg compressed bgr8"; as image_transport has it, "compressed rgb8"
    means that red and blue were swapped before compression, and "bayer_rggb8; ..." that it is a mosaic, which
    is demosaicked. Raises ImageError with the reason "damaged" (also for a file that is cut off),
    "too_large", "zero_size", "bad_size" or "unsupported_encoding".
    """
    view = memoryview(data).cast("B")
    size = _checked_size(view, description, max_pixels)
    try:
        image = cv2.imdecode(np.frombuffer(view, np.uint8), _FLAGS)
    except cv2.error:
        image = None
    if image is None or image.shape[:2] != size:
        raise ImageError("damaged", f"damaged image: {len(view)} bytes of '{printable(description)}' "
                                    "do not decode")
    if image.ndim == 2:
        return _grey_or_mosaic(image, description)
    return image, "rgb" if "compressed rgb" in description else "bgr"


def encode_png(image: np.ndarray) -> np.ndarray:
    """HxW uint8 -> the bytes of a PNG with exactly these values, as a one-dimensional uint8 array."""
    # OpenCV's defaults are its fastest setting: 8 ms for 2048x1024 labels, at 0.1 MB.
    done, png = cv2.imencode(".png", image)
    if not done:
        raise ValueError(f"cannot encode {image.dtype} {image.shape} as PNG")
    return png.reshape(-1)


def _grey_or_mosaic(image: np.ndarray, description: str) -> Tuple[np.ndarray, str]:
    encoding = description.split(";")[0].strip().replace("16", "8")  # of 16 bits the high byte is here
    encoding = encoding if encoding.startswith("bayer_") else "mono8"
    return view_image(image, image.shape[0], image.shape[1], encoding, image.shape[1])


def _checked_size(data: memoryview, description: str, max_pixels: int) -> Tuple[int, int]:
    try:
        for signature, size in ((JPEG_SIGNATURE, jpeg_size), (PNG_SIGNATURE, png_size)):
            if data[:len(signature)] == signature:
                return size(data, max_pixels)
    except (struct.error, IndexError):
        raise ImageError(
            "damaged", f"damaged image: its {len(data)} bytes end before the image does") from None
    words = description.lower().split(";")[-1].split()
    codec = words[0] if words else ""
    begin = "begins with " + bytes(data[:8]).hex() if data else "is empty"
    if codec in _CODECS:
        raise ImageError("damaged", f"damaged image: its {codec} data {begin}; expected "
                                    f"{_CODECS[codec].hex()} to begin it")
    raise ImageError("unsupported_encoding", f"unsupported compression '{printable(description)}', whose "
                                             f"data {begin}; expected jpeg or png")
