"""Read label images: class ids from a file, or from a message of a bag."""

from pathlib import Path

import numpy as np

from bisenet_core.drives.bags.bag import Message
from bisenet_core.drives.bags.image_messages import COMPRESSED, deserialise
from bisenet_core.errors import InputError
from bisenet_core.files import MOST_IMAGE, read_regular
from bisenet_core.images.label_images import decode_labels, view_labels

_MAX_PIXELS = 1 << 27  # of files, as of images: see bisenet_core


def read_labels(path: Path) -> np.ndarray:
    """HxW uint8 class ids of a PNG; see ``decode_labels``. Raises InputError, which names the file."""
    try:
        return decode_labels(read_regular(path, MOST_IMAGE), max_pixels=_MAX_PIXELS)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}; restore it or remove the pair") from None
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def labels_from_message(message: Message) -> np.ndarray:
    """HxW uint8 class ids of an Image or CompressedImage. Raises InputError for one that cannot hold them."""
    image = deserialise(message)
    if message.msgtype == COMPRESSED:
        return decode_labels(image.data, image.format)
    return view_labels(
        image.data, image.height, image.width, image.encoding, image.step, bool(image.is_bigendian)
    )
