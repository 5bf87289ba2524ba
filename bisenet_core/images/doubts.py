"""Find images that can be read and yet may not be what the camera saw, such as one whose step is wrong."""

from functools import partial
from typing import Any, Callable, List, NamedTuple

import numpy as np

from bisenet_core.images.compressed import decode_compressed, is_16_bit_png
from bisenet_core.images.encodings import ENCODINGS, SAMPLE_BITS, view_image

#: Of a dark scene, too, some pixel is brighter; a camera of 14 bits in 16 reaches 63.
BRIGHT = 64

# Significant bits that cameras have.
_USUAL_BITS = (8, 10, 12, 14, SAMPLE_BITS)


class Doubt(NamedTuple):
    """Why an image may have been read wrongly."""

    kind: str  # one word, for counting
    text: str  # one line: what was found, and what to do


def doubt_raw(data: Any, height: int, width: int, encoding: str, step: int, image: np.ndarray,
              significant_bits: int, is_bigendian: bool = False) -> List[Doubt]:
    """What is odd about an image that ``view_image`` has read as ``image`` from the other arguments."""
    doubts = _doubt_step(data, height, width, encoding, step)
    if encoding.endswith("16"):
        whole = partial(view_image, data, height, width, encoding, step, is_bigendian)
        doubts += _doubt_bits(image, significant_bits, whole, np.frombuffer(data, np.uint8))
    return doubts


def doubt_compressed(data: Any, image: np.ndarray, significant_bits: int) -> List[Doubt]:
    """What is odd about an image that ``decode_compressed`` has read as ``image``."""
    whole = partial(decode_compressed, data)
    return _doubt_bits(image, significant_bits, whole) if is_16_bit_png(data) else []


def _doubt_bits(image: np.ndarray, significant_bits: int, whole: Callable,
                samples: Any = None) -> List[Doubt]:
    """A doubt where the top bits of all samples are empty, or bits above ``significant_bits`` are used.

    ``whole`` reads the image by all of its bits. Of a black image without ``samples`` there is no doubt.
    """
    brightest = int(image.max())
    if brightest == 255 and significant_bits < SAMPLE_BITS:
        return _doubt_white(significant_bits, 8 + int(whole()[0].max()).bit_length())
    if brightest >= BRIGHT or (brightest == 0 and (samples is None or not samples.any())):
        return []
    used = significant_bits - 8 + brightest.bit_length()
    return [Doubt("empty_bits", f"no sample uses more than {used} of {significant_bits} bits, so the image "
                                f"is nearly black: {_advice(used)}")]


def _doubt_white(significant_bits: int, used: int) -> List[Doubt]:
    if used <= significant_bits:
        return []
    return [Doubt("extra_bits", f"samples use {used} bits, and are white where they are above the "
                                f"{significant_bits} of significant_bits: {_advice(used)}")]


def _advice(used: int) -> str:
    likely = next(bits for bits in _USUAL_BITS if bits >= used)
    return f"where the camera has {likely}, set significant_bits to that"


def _doubt_step(data: Any, height: int, width: int, encoding: str, step: int) -> List[Doubt]:
    """A doubt where the bytes of an image that ``view_image`` reads have room for rows of another length.

    Bytes behind the last row that are no multiple of the rows are harmless.
    """
    layout = ENCODINGS.get(encoding)
    if layout is None:
        return []
    rows, found = int(height * layout.height_scaling), memoryview(data).nbytes
    stride = found // rows
    if rows == 1 or found % rows or stride == step or stride < width * layout.pixel_bytes:
        return []
    how = "read with that" if stride < step else "if the picture is sheared, have the driver say that"
    return [Doubt("step", f"step is {step} bytes, but the {found} bytes of a {width}x{height} {encoding} "
                          f"image are just those of rows of {stride}: {how}")]
