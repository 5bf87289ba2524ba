"""Find images that can be read and yet may not be what the camera saw, such as one whose step is wrong."""

from typing import Any, List, NamedTuple

from bisenet_core.images.encodings import ENCODINGS


class Doubt(NamedTuple):
    """Why an image may have been read wrongly."""

    kind: str  # one word, for counting
    text: str  # one line: what was found, and what to do


def doubt_step(data: Any, height: int, width: int, encoding: str, step: int) -> List[Doubt]:
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
