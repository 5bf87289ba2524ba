"""Read label images exactly: class ids of one channel, from a PNG or from the bytes of a message.

An id is what the file stores: decoders made for pictures replace a palette's indices by its colours, spread
ids of fewer than 8 bits over 0 to 255 and keep the high byte of 16. What cannot hold ids exactly is refused.
"""

import struct
import zlib
from typing import Any

import cv2
import numpy as np

from bisenet_core.errors import NAME_LENGTH
from bisenet_core.images.compressed import MAX_PIXELS, decode_or_none
from bisenet_core.images.compressed_structure import JPEG_SIGNATURE, PNG_SIGNATURE, image_size
from bisenet_core.images.encodings import ImageError, view_image

#: Encodings of sensor_msgs/Image that hold class ids.
LABEL_ENCODINGS = ("mono8", "8UC1", "mono16")

_EXPECTED = ("expected class ids in one channel: mono8, 8UC1 or mono16, or a grey or palette PNG of 1 to 16 "
             "bits")
_GREY, _PALETTE = 0, 3  # colour types of a PNG
_COLOUR_TYPES = {2: "a colour image", 4: "a grey image with an alpha channel",
                 6: "a colour image with an alpha channel"}
# OpenCV spreads samples of fewer than 8 bits over 0..255, by these whole factors.
_SPREAD = {1: 255, 2: 85, 4: 17}

# How an encoding begins, and what it is.
_ENCODINGS = (
    (("rgb", "bgr", "8UC3", "8UC4", "16UC3", "16UC4", "nv", "yuv", "uyvy", "yuyv"), "a colour image"),
    (("bayer",), "a mosaic of colours"),
    (("16UC1",), "16UC1, as depth images are"),
    (("32F", "64F"), "an image of floating-point numbers"),
)


def decode_labels(data: Any, description: str = "", max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """Bytes of a PNG -> HxW uint8 class ids, as they are stored; of a palette, its indices.

    ``data`` is any contiguous buffer. ``description`` is the ``format`` of a CompressedImage, such as
    "mono8; png compressed": an encoding that it names must be one of labels. Raises ImageError for a PNG that
    is damaged, of colours, or of ids above 255, and for any other kind of file.
    """
    view = memoryview(data).cast("B")
    encoding, separator, _ = description.partition(";")
    if "compressedDepth" in description:
        raise _refusal("a depth image")
    if separator and encoding.strip() not in ("",) + LABEL_ENCODINGS:
        raise _refusal(_kind(encoding.strip()))
    if view[:len(JPEG_SIGNATURE)] == JPEG_SIGNATURE:
        raise _refusal("a JPEG, whose compression changes ids")
    if view[:len(PNG_SIGNATURE)] != PNG_SIGNATURE:
        raise _refusal("no PNG, but begins with " + bytes(view[:8]).hex() if view else "empty")
    return _decode_png(view, max_pixels)


def view_labels(data: Any, height: int, width: int, encoding: str, step: int,
                is_bigendian: bool = False) -> np.ndarray:
    """Bytes of a raw image, one of LABEL_ENCODINGS -> HxW uint8 class ids; see ``view_image``.

    Raises ImageError for any other encoding, and for ids above 255.
    """
    if encoding not in LABEL_ENCODINGS:
        raise _refusal(_kind(encoding))
    image, _ = view_image(data, height, width, encoding, step, is_bigendian)
    if encoding != "mono16":
        return image
    # That was its high bytes; it has also made sure that all bytes are there.
    samples, _ = view_image(data, height, width * 2, "mono8", step)
    return _class_ids(np.ascontiguousarray(samples).view(">u2" if is_bigendian else "<u2"))


def _decode_png(data: memoryview, max_pixels: int) -> np.ndarray:
    size = image_size(data, max_pixels)
    bits, colour_type = data[24], data[25]
    if colour_type not in (_GREY, _PALETTE):
        raise _refusal(_COLOUR_TYPES.get(colour_type, f"a PNG of the unknown colour type {colour_type}"))
    image = decode_or_none(_samples_only(data), cv2.IMREAD_UNCHANGED)
    if image is None or image.shape != size:
        raise ImageError("damaged", f"damaged image: {len(data)} bytes of PNG do not decode")
    return image // _SPREAD[bits] if bits in _SPREAD else _class_ids(image)


def _samples_only(data: memoryview) -> bytes:
    """A whole PNG as a grey one, without palette, transparency, orientation and what else is made of them."""
    parts, position, kind = [PNG_SIGNATURE], len(PNG_SIGNATURE), b""
    while kind != b"IEND":
        length, kind = struct.unpack_from(">I4s", data, position)
        body = bytes(data[position + 8:position + 8 + length])
        if kind == b"IHDR":
            body = body[:9] + bytes([_GREY]) + body[10:]
        if kind in (b"IHDR", b"IDAT", b"IEND"):
            checksum = struct.pack(">I", zlib.crc32(kind + body) & 0xFFFFFFFF)
            parts += [struct.pack(">I", len(body)), kind, body, checksum]
        position += 12 + length
    return b"".join(parts)


def _class_ids(values: np.ndarray) -> np.ndarray:
    """HxW uint8 or uint16 -> uint8. Raises ImageError for a value that this cannot hold."""
    if values.dtype != np.uint8 and values.max() > 255:
        raise ImageError("bad_labels", f"it holds id {values[values > 255].min()}; class ids are 0 to 255: "
                                       "is it an image of instances or depths?")
    return values.astype(np.uint8, copy=False)


def _kind(encoding: str) -> str:
    kinds = [kind for begins, kind in _ENCODINGS if encoding.startswith(begins)]
    return kinds[0] if kinds else f"of the encoding '{encoding[:NAME_LENGTH]}'"


def _refusal(kind: str) -> ImageError:
    return ImageError("not_labels", f"it is {kind}; {_EXPECTED}")
