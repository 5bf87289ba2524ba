"""Decode JPEG and PNG images of sensor_msgs/CompressedImage, when they are whole and of a sane size."""

import re
from typing import Any, NamedTuple, Optional, Tuple

import cv2
import numpy as np

from bisenet_core.errors import NAME_LENGTH
from bisenet_core.images.compressed_structure import JPEG_SIGNATURE, PNG_SIGNATURE, image_size
from bisenet_core.images.encodings import (
    ENCODINGS,
    SAMPLE_BITS,
    ImageError,
    refuse_encoding,
    scale_down,
    view_image,
)

#: The most an image may have: 8192x8192. A few kB can claim any size, and memory is taken for all of it.
MAX_PIXELS = 1 << 26

# Grey stays grey, alpha goes, 16 bits become their high byte as in raw images. A camera's labels have the
# camera's rows and columns, so an orientation noted by EXIF turns nothing.
_FLAGS = cv2.IMREAD_ANYCOLOR | cv2.IMREAD_IGNORE_ORIENTATION

_OPENCV_TYPE = re.compile("[0-9]+[USF]C[0-9]*")

_CODECS = {"jpeg": JPEG_SIGNATURE, "jpg": JPEG_SIGNATURE, "png": PNG_SIGNATURE}


class _Description(NamedTuple):
    """The parts of a message's ``format``; "" for those that it lacks."""

    encoding: str    # what the camera gave
    codec: str       # "jpeg", ...
    compressed: str  # the encoding that was compressed


def decode_compressed(data: Any, description: str = "", max_pixels: int = MAX_PIXELS,
                      significant_bits: int = SAMPLE_BITS) -> Tuple[np.ndarray, str]:
    """Bytes of a JPEG or PNG -> (uint8 array, colour order): HxWx3 in "bgr" or "rgb", HxW in "mono".

    ``data`` is any contiguous buffer; its own signature says what it is. ``description`` is the message's
    ``format``, such as "jpeg" or "rgb8; jpeg compressed bgr8". As image_transport has it, the word behind
    "compressed" says what was compressed: "rgb8" that red and blue were swapped before, "bayer_rggb8" that it
    is a mosaic, which is demosaicked, and "mono8" that it is grey, whatever the camera gave; where there is
    none, the first word says what the camera gave. ``significant_bits``: see ``view_image``. Raises
    ImageError with the reason "damaged" (also for a file that is cut off), "too_large", "zero_size",
    "bad_size" or "unsupported_encoding".
    """
    view = memoryview(data).cast("B")
    described = _describe(description)
    _check_encoding(described)
    size = _checked_size(view, described.codec, description, max_pixels)
    image = _decode(view, significant_bits)
    if image is None or image.shape[:2] != size:
        raise ImageError("damaged", f"damaged image: {len(view)} bytes of '{description[:NAME_LENGTH]}' "
                                    "do not decode")
    if image.ndim == 2:
        return _grey_or_mosaic(image, described.compressed or described.encoding)
    return image, "rgb" if described.compressed.startswith("rgb") else "bgr"


def encode_png(image: np.ndarray) -> np.ndarray:
    """HxW uint8 -> the bytes of a PNG with exactly these values, as a one-dimensional uint8 array."""
    # OpenCV's defaults are its fastest setting: 8 ms for 2048x1024 labels, at 0.1 MB.
    done, png = cv2.imencode(".png", image)
    if not done:
        raise ValueError(f"cannot encode {image.dtype} {image.shape} as PNG")
    return png.reshape(-1)


def is_16_bit_png(data: Any) -> bool:
    """Whether these are the bytes of a PNG of 16-bit samples."""
    view = memoryview(data).cast("B")
    return view[:len(PNG_SIGNATURE)] == PNG_SIGNATURE and bytes(view[24:25]) == b"\x10"


def decode_or_none(data: Any, flags: int) -> Optional[np.ndarray]:
    """What OpenCV makes of these bytes under its IMREAD flags; None where it makes nothing."""
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:
        return None


def _decode(data: memoryview, significant_bits: int) -> Optional[np.ndarray]:
    if significant_bits == SAMPLE_BITS or not is_16_bit_png(data):
        return decode_or_none(data, _FLAGS)
    samples = decode_or_none(data, _FLAGS | cv2.IMREAD_ANYDEPTH)
    return None if samples is None else scale_down(samples, significant_bits)


def _grey_or_mosaic(image: np.ndarray, encoding: str) -> Tuple[np.ndarray, str]:
    # of 16 bits the high byte is here
    encoding = encoding.replace("16", "8") if encoding.startswith("bayer_") else "mono8"
    return view_image(image, image.shape[0], image.shape[1], encoding, image.shape[1])


def _describe(description: str) -> _Description:
    words = description.split(";")[-1].split()
    named = len(words) > 2 and words[1] == "compressed"
    return _Description(description.split(";")[0].strip(), words[0].lower() if words else "",
                        words[2] if named else "")


def _check_encoding(described: _Description) -> None:
    """Refuse what is refused uncompressed: OpenCV's types, such as a depth camera's 16UC1 and 32FC1."""
    for name in (described.encoding, described.compressed):
        if _OPENCV_TYPE.fullmatch(name) and name not in ENCODINGS:
            raise refuse_encoding(name)


def _checked_size(data: memoryview, codec: str, description: str, max_pixels: int) -> Tuple[int, int]:
    size = image_size(data, max_pixels)
    if size is not None:
        return size
    begin = "begins with " + bytes(data[:8]).hex() if data else "is empty"
    if codec in _CODECS:
        raise ImageError("damaged", f"damaged image: its {codec} data {begin}; expected "
                                    f"{_CODECS[codec].hex()} to begin it")
    raise ImageError("unsupported_encoding", f"unsupported compression '{description[:NAME_LENGTH]}', whose "
                                             f"data {begin}; expected jpeg or png")
