"""Read a whole image, or name the file that is broken."""

from pathlib import Path

import cv2
import numpy as np

from bisenet_core.errors import InputError
from bisenet_core.images.orientation import decode_as_stored

#: Endings of camera images, in lower case.
IMAGE_ENDINGS = (".jpg", ".jpeg", ".png")

_PNG = b"\x89PNG\r\n\x1a\n"


def read_bytes(path: Path) -> bytes:
    """The file's content. Raises InputError where there is none."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}; restore it or remove the pair") from None
    if not content:
        raise InputError(f"{path} is empty; restore it or remove the pair")
    return content


def png_format(content: bytes) -> tuple[int, int] | None:
    """(bits in a channel, colour type) of a PNG, None for any other content."""
    return (content[24], content[25]) if content.startswith(_PNG) and len(content) > 25 else None


def read_image(path: Path) -> np.ndarray:
    """HxWx3 uint8 RGB, rows and columns as stored. Raises InputError for a truncated or 16-bit image."""
    content = read_bytes(path)
    kind = png_format(content)
    if kind is not None and kind[0] == 16:
        raise InputError(f"{path} has 16 bits a channel; expected 8: scale it to 0..255 and save it again")
    # from memory, since OpenCV reads a JPEG whose end is missing from a file as if it were whole
    try:
        image = decode_as_stored(content)
    except InputError as error:
        raise InputError(f"{path} {error}") from None
    if image is None:
        raise InputError(f"{path} is not a readable image, or is truncated; restore it or remove the pair")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
