"""Read and write image files; an error names the file and what is wrong with it."""

import os
import re
import unicodedata
from pathlib import Path

import cv2
import numpy as np

from bisenet_core.errors import InputError, explain_os_errors
from bisenet_core.files import MOST_IMAGE, read_regular, replacing
from bisenet_core.images.compressed import decode_or_none
from bisenet_core.images.doubts import BRIGHT
from bisenet_core.images.orientation import asks_for_turn, decode_as_stored

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".ppm", ".pgm", ".tif", ".tiff", ".webp")
_SUFFIXES = ", ".join(IMAGE_SUFFIXES)
#: Suffixes, in lower case, of images that have to be converted before they can be read.
OTHER_SUFFIXES = (".heic", ".heif", ".avif", ".gif", ".jp2", ".jxl", ".dng", ".cr2", ".nef", ".arw")

# The largest value in the header of a PGM or PPM file.
_NETPBM = re.compile(rb"P[2356](?:\s|#[^\n]*\n)+\d+(?:\s|#[^\n]*\n)+\d+(?:\s|#[^\n]*\n)+(\d+)\s")

# How a complete file ends. Checked here because the codecs report a truncated file on the process's own
# stderr, where it would stand beside our one line.
_ENDINGS = ((b"\xff\xd8", b"\xff\xd9", "JPEG"), (b"\x89PNG", b"IEND\xaeB`\x82", "PNG"))


def is_image_file(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_SUFFIXES


def natural_key(path: Path) -> list:
    """Sort key that puts frame_10 after frame_9."""
    return [int(part) if part.isdecimal() else part.lower() for part in re.split(r"(\d+)", path.name)]


def image_files_in(folder: Path) -> list[Path]:
    """Image files of a folder in natural order; also those of ``OTHER_SUFFIXES`` that were not converted.

    Raises InputError where there are no images.
    """
    with explain_os_errors(f"cannot list {folder}", "check its permissions"):
        entries = sorted((p for p in folder.iterdir() if not p.name.startswith(".")), key=natural_key)
    if not entries:
        raise InputError(f"{folder} is empty; expected a folder of images ({_SUFFIXES})")
    # not is_file(): a broken link is named when it is read
    files = [path for path in entries if is_image_file(path) and not path.is_dir()]
    if not files:
        raise InputError(f"no images in {folder}, only such as {entries[0].name}; "
                         f"expected files ending in {_SUFFIXES}, or a rosbag folder with metadata.yaml")
    converted = {path.stem for path in files}
    others = [p for p in entries if p.suffix.lower() in OTHER_SUFFIXES and p.stem not in converted]
    return sorted(files + others, key=natural_key)  # where these are read, the error names them


def composed(name: str) -> str:
    """``name`` with each letter and its accent as one character, where Unicode has it."""
    return unicodedata.normalize("NFC", name)


def as_on_disk(path: Path) -> Path:
    """``path`` as its folders and its file are spelled, where letters and accents are apart on disk or in it.

    macOS writes names so, other systems do not. Where nothing has the name, it is left as it is.
    """
    if os.path.exists(path) or str(path).isascii() or path == path.parent:
        return path
    folder = as_on_disk(path.parent)
    listed = not path.name.isascii() and os.path.isdir(folder)  # unlike Path's, false for too long a name
    names = os.listdir(folder) if listed else []
    return folder / next((name for name in names if composed(name) == composed(path.name)), path.name)


def read_image(path: Path) -> np.ndarray:
    """HxWx3 uint8 RGB. Raises InputError for a file that is missing, truncated or no image.

    Also for one of 16-bit samples whose upper bits are empty, as of a camera of 10 or 12 bits.
    """
    return read_tagged_image(path)[0]


def read_tagged_image(path: Path) -> tuple[np.ndarray, bool]:
    """As ``read_image``, and whether a tag of the file asks for a turn, which is never made."""
    with explain_os_errors(f"cannot read {path}"):
        data = read_regular(path, MOST_IMAGE)
    _refuse_truncated(path, data)
    image = decode_file(path, data, f" ({len(data)} bytes); replace it or remove it")
    _refuse_empty_bits(path, data, image)
    return image, asks_for_turn(data)


def decode_file(path: Path, data: bytes, otherwise: str) -> np.ndarray:
    """HxWx3 uint8 RGB, rows and columns as stored, of the file ``path`` with the content ``data``.

    Raises InputError; ``otherwise`` ends that of a file which is no readable image.
    """
    try:
        image = decode_as_stored(data) if data else None
    except InputError as error:
        raise InputError(f"{path} {error}") from None
    if image is None:
        raise InputError(f"{path} is not a readable image{otherwise}")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def write_image(path: Path, image: np.ndarray) -> None:
    """Write HxWx3 RGB or HxW uint8 to ``path``; the suffix chooses the format. PNG is lossless.

    Raises InputError where the disk is full or the folder cannot be written.
    """
    pixels = cv2.cvtColor(image, cv2.COLOR_RGB2BGR) if image.ndim == 3 else image
    # Level 1 takes a fraction of the default's time on label images, for files a little larger.
    options = [cv2.IMWRITE_PNG_COMPRESSION, 1] if path.suffix == ".png" else []
    encoded, data = cv2.imencode(path.suffix, pixels, options)
    if not encoded:
        raise InputError(f"cannot encode {path}, {image.shape[1]}x{image.shape[0]} pixels; expected a suffix "
                         "such as .png, or .jpg and at most 65500 each way")
    advice = "choose another --output or make room"
    with explain_os_errors(f"cannot write {path}", advice), replacing(path) as unfinished:
        unfinished.write_bytes(data.tobytes())


def _refuse_empty_bits(path: Path, data: bytes, image: np.ndarray) -> None:
    netpbm = _NETPBM.match(data[:4096])
    if netpbm and int(netpbm.group(1)) < 255:  # OpenCV takes its values as they are
        raise InputError(f"{path} has values up to {int(netpbm.group(1))}, so it would be too dark; scale "
                         "them to 0..255")
    samples = decode_or_none(data, cv2.IMREAD_UNCHANGED) if image.max() < BRIGHT else None
    if samples is not None and samples.dtype == np.uint16 and samples.any():
        used = int(samples[..., :3].max() if samples.ndim == 3 else samples.max()).bit_length()
        raise InputError(f"{path} uses {used} of the 16 bits of its samples, so it would be nearly black; "
                         "scale them to 0..65535, or to 0..255 and save it with 8 bits")


def _refuse_truncated(path: Path, data: bytes) -> None:
    for start, end, kind in _ENDINGS:
        # Some writers pad behind the end marker, so it is looked for, not expected at the last byte.
        if data.startswith(start) and end not in data[-65536:]:
            raise InputError(
                f"{path} is a truncated {kind} file ({len(data)} bytes); replace it or remove it"
            )
