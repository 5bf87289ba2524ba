"""Check that a JPEG or PNG file is whole, and read the size it claims, without decoding it.

OpenCV decodes a JPEG that was cut off to a picture that is grey from there on, without an error. So every
segment up to the end marker is walked, and every checksum that a PNG has is computed. JPEG has no checksums:
damage between the markers of a scan is not seen here, and libjpeg decodes what it can.
"""

import re
import struct
import zlib
from typing import Optional, Tuple

from bisenet_core.images.encodings import ImageError, check_size

JPEG_SIGNATURE = b"\xff\xd8\xff"
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"

# Markers of a JPEG, ITU T.81 table B.1.
_START_OF_FRAME = (0xC0, 0xC1, 0xC2)  # baseline, extended, progressive; all with Huffman codes
_OTHER_FRAMES = (0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF)
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
_TABLES = (0xC4, 0xCC, 0xDB, 0xDD, 0xFE) + tuple(range(0xE0, 0xF0))

# What ends a run of entropy-coded bytes: neither a stuffed 0xff, nor a restart marker, nor fill.
_MARKER = re.compile(b"\xff[^\x00\xd0-\xd7\xff]")

# Progressive pictures have about ten; each costs the decoder a pass over all pixels, however few its bytes.
_MAX_SCANS = 20

# A Huffman code has at least one bit, and each 8x8 block of the finest component at least one code.
_PIXELS_PER_BYTE = 8 * 64


def image_size(data: memoryview, max_pixels: int) -> Optional[Tuple[int, int]]:
    """Height and width of a whole JPEG or PNG; None for other bytes.

    Raises ImageError: see ``decode_compressed``.
    """
    try:
        for signature, size in ((JPEG_SIGNATURE, jpeg_size), (PNG_SIGNATURE, png_size)):
            if data[:len(signature)] == signature:
                return size(data, max_pixels)
    except (struct.error, IndexError):
        raise ImageError(
            "damaged", f"damaged image: its {len(data)} bytes end before the image does") from None
    return None


def jpeg_size(data: memoryview, max_pixels: int) -> Tuple[int, int]:
    """Height and width of a whole JPEG. Raises ImageError: see ``decode_compressed``."""
    size: Optional[Tuple[int, int]] = None
    position, scans, coded = 2, 0, 0
    while True:
        marker, position = _marker(data, position)
        if marker == _END_OF_IMAGE:
            break
        segment, position = position, position + _unsigned16(data, position)
        if marker in _START_OF_FRAME and size is None:
            size = _unsigned16(data, segment + 3), _unsigned16(data, segment + 5)
            check_pixels(size, max_pixels)
        elif marker == _START_OF_SCAN and scans == _MAX_SCANS:
            raise ImageError("too_large", f"JPEG of more than {_MAX_SCANS} scans; expected about ten at most")
        elif marker == _START_OF_SCAN and size is not None:
            begin, position = position, _end_of_scan(data, position)
            scans, coded = scans + 1, coded + position - begin
        elif marker in _OTHER_FRAMES:
            raise ImageError("unsupported_encoding", f"JPEG of kind {marker:#04x}; expected a baseline or "
                                                     "progressive one with Huffman codes")
        elif marker not in _TABLES:
            raise ImageError(
                "damaged", f"damaged JPEG: marker {marker:#04x} does not belong before byte {segment}")
    if size is None or coded * _PIXELS_PER_BYTE < size[0] * size[1]:
        raise ImageError("damaged", f"damaged JPEG: {coded} bytes of pixels are too few for its size")
    return size


def png_size(data: memoryview, max_pixels: int) -> Tuple[int, int]:
    """Height and width of a whole PNG. Raises ImageError: see ``decode_compressed``."""
    size: Optional[Tuple[int, int]] = None
    position = len(PNG_SIGNATURE)
    while True:
        length, kind = struct.unpack_from(">I4s", data, position)
        body, end = position + 8, position + 12 + length
        (checksum,) = struct.unpack_from(">I", data, end - 4)
        if zlib.crc32(data[body - 4:end - 4]) & 0xFFFFFFFF != checksum:
            raise ImageError("damaged", f"damaged PNG: the checksum of the chunk at byte {position} is wrong")
        if size is None:
            if kind != b"IHDR" or length != 13:
                raise ImageError("damaged", "damaged PNG: it does not begin with its header")
            width, height = struct.unpack_from(">II", data, body)
            size = height, width
            check_pixels(size, max_pixels)
        if kind == b"IEND":
            return size
        position = end


def check_pixels(size: Tuple[int, int], max_pixels: int) -> None:
    """Raise ImageError "too_large" or "zero_size" for an image that must not be decoded."""
    height, width = size
    check_size(height, width)
    if height * width > max_pixels:
        raise ImageError("too_large", f"the image is {width}x{height} pixels; expected at most {max_pixels} "
                                      "in all")


def _marker(data: memoryview, position: int) -> Tuple[int, int]:
    """The marker at ``position``, and where its segment begins."""
    if data[position] != 0xFF:
        raise ImageError(
            "damaged", f"damaged JPEG: byte {position} is {data[position]:#04x}; expected a marker")
    while data[position] == 0xFF:
        position += 1
    return data[position], position + 1


def _end_of_scan(data: memoryview, position: int) -> int:
    found = _MARKER.search(data, position)
    if found is None:
        raise IndexError("the scan has no end")
    return found.start()


def _unsigned16(data: memoryview, position: int) -> int:
    return struct.unpack_from(">H", data, position)[0]
