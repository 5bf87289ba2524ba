"""Find the orientation tag of an image file, and undo what a decoder makes of it.

Phones store a picture as the sensor's rows and columns, and a tag by which viewers turn it. Labels and a
camera's calibration belong to the stored pixels, so nothing here is ever turned.
"""

import struct
from typing import Iterator, Optional, Tuple

import cv2
import numpy as np

from bisenet_core.errors import InputError

#: How a user makes the turn himself, of images whose tag asks for one.
HOW_TO_TURN = ("images have a tag (EXIF orientation) by which viewers turn them; here and on a camera pixels "
               "stay as they are stored. To have them turned, store them so: `mogrify -auto-orient FILES` "
               "(ImageMagick)")

_ORIENTATION, _SHORT = 0x0112, 3  # the tag's number and type
_ENTRY_BYTES = 12
_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
# Where an EXIF block begins: behind these bytes of a JPEG, a PNG and a WebP; a TIFF is one itself.
_BLOCKS = ((b"Exif\0\0", 6), (b"eXIf", 4), (b"EXIF", 8))


def asks_for_turn(data: bytes) -> bool:
    """Whether an image file has an orientation tag that viewers turn or mirror it by."""
    return _turning_value(data) is not None


def decode_as_stored(data: bytes) -> Optional[np.ndarray]:
    """An image file -> HxWx3 uint8 BGR, rows and columns as stored; None for what does not decode.

    Raises InputError, without the file's name, for one of more pixels than OpenCV decodes, or a BigTIFF.
    """
    if data[:4] in (b"II+\0", b"MM\0+"):
        raise InputError("is a BigTIFF, whose orientation tag is not read; save it as TIFF or PNG")
    place = _turning_value(data) if data[:4] in _ORDERS else None
    if place is not None:  # OpenCV turns a TIFF whatever the flags: here its tag says that it is upright
        at, upright = place
        data = data[:at] + upright + data[at + len(upright):]
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:  # it returns None for a file that is damaged in another way
        if "CV_IO_MAX_IMAGE" not in str(error):
            return None
        raise InputError("has more pixels than the 2^27, or 2^20 in a row or column, that OpenCV decodes; "
                         "cut it into tiles or scale it down") from None


def _turning_value(data: bytes) -> Optional[Tuple[int, bytes]]:
    """Where the tag's value is, and the bytes that would ask for nothing; None where none asks for a turn."""
    for start in _blocks(data):
        order = _ORDERS[data[start:start + 4]]
        try:
            at = _value_of_tag(data, start, order)
            if at is not None and 2 <= struct.unpack_from(order + "H", data, at)[0] <= 8:
                return at, struct.pack(order + "H", 1)
        except struct.error:  # the block is cut off: viewers see no tag in it either
            continue
    return None


def _blocks(data: bytes) -> Iterator[int]:
    places = [0] + [data.find(mark) + skip for mark, skip in _BLOCKS if mark in data]
    return (start for start in places if data[start:start + 4] in _ORDERS)


def _value_of_tag(data: bytes, start: int, order: str) -> Optional[int]:
    """Where the orientation's value is in the first directory of an EXIF block. Raises struct.error."""
    (directory,) = struct.unpack_from(order + "I", data, start + 4)
    (entries,) = struct.unpack_from(order + "H", data, start + directory)
    for number in range(entries):
        entry = start + directory + 2 + number * _ENTRY_BYTES
        if struct.unpack_from(order + "HH", data, entry) == (_ORIENTATION, _SHORT):
            return entry + 8
    return None
