"""Read a whole image, or name the file that is broken."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from bisenet_core.drives.image_files import IMAGE_SUFFIXES, OTHER_SUFFIXES, decode_file
from bisenet_core.errors import InputError, explain_os_errors
from bisenet_core.files import MOST_IMAGE, read_regular
from bisenet_core.images.compressed import is_16_bit_png

#: Endings of camera images, in lower case.
IMAGE_ENDINGS = (".jpg", ".jpeg", ".png")
#: Endings, in lower case, of images that are not trained on unless they are converted.
OTHER_IMAGE_ENDINGS = tuple(e for e in IMAGE_SUFFIXES + OTHER_SUFFIXES if e not in IMAGE_ENDINGS)

# Data, whose first 0 makes data of half a marker before it, then each restart marker with data of its own.
_FILLER = bytes(range(250)) + b"".join(bytes([0xFF, 0xD0 + n, *range(25 * n + 25, 250)]) for n in range(8))


def read_bytes(path: Path) -> bytes:
    """The file's content. Raises InputError where there is none."""
    with explain_os_errors(f"cannot read {path}", "restore it or remove the pair"):
        content = read_regular(path, MOST_IMAGE)
    if not content:
        raise InputError(f"{path} is empty; restore it or remove the pair")
    return content


def read_image(path: Path) -> np.ndarray:
    """HxWx3 uint8 RGB, rows and columns as stored. Raises InputError for a truncated or 16-bit image."""
    content = read_bytes(path)
    if is_16_bit_png(content):
        raise InputError(f"{path} has 16 bits a channel; expected 8: scale it to 0..255 and save it again")
    # from memory, since OpenCV reads a JPEG whose end is missing from a file as if it were whole
    return decode_file(path, content, ", or is truncated; restore it or remove the pair")


def not_trained_on(path: Path) -> str:
    """The line on an image of ``OTHER_IMAGE_ENDINGS``."""
    return f"{path} is of a kind that is not trained on; convert it to JPEG or PNG, or remove it"


def lacks_pixels(content: bytes) -> bool:
    """Whether ``content`` is a JPEG whose data ends before its last row, though it has an end marker.

    Decoders fill such an image up without a word. Bytes before the end marker of a whole one change no pixel;
    where data is missing they are taken for it. So some are put there, and the pixels compared.
    """
    end = content.rfind(b"\xff\xd9")
    if not content.startswith(b"\xff\xd8") or end < 0:
        return False
    try:
        return not np.array_equal(_small(content), _small(content[:end] + _FILLER + content[end:]))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return False  # what does not decode at all is told by what reads the image


def _small(jpeg: bytes) -> np.ndarray:
    """An eighth of the image's sides, of each block its mean; a progressive one whole, for its late scans."""
    with Image.open(io.BytesIO(jpeg)) as image:
        if "progressive" not in image.info:
            image.draft(image.mode, (image.width // 8 or 1, image.height // 8 or 1))
        return np.asarray(image)
