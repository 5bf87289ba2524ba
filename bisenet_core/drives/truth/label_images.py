"""Read label images: class ids as a single-channel 8-bit image, from a file or from a message of a bag."""

from pathlib import Path

import cv2
import numpy as np

from bisenet_core.drives.bags.bag import Message
from bisenet_core.drives.bags.image_messages import view_message
from bisenet_core.drives.image_files import decode_file
from bisenet_core.errors import InputError


def read_labels(path: Path) -> np.ndarray:
    """HxW uint8 class ids of a single-channel file. Raises InputError for any other file."""
    labels = decode_file(path, cv2.IMREAD_UNCHANGED)
    if labels.ndim != 2 or labels.dtype != np.uint8:
        raise InputError(
            f"{path} is a colour or 16-bit image; ground truth must be a single-channel 8-bit "
            "image whose pixel values are class ids"
        )
    return labels


def labels_from_message(message: Message) -> np.ndarray:
    """HxW uint8 class ids of a single-channel 8-bit image. Raises InputError for any other message."""
    labels, order = view_message(message)
    if order != "mono":
        raise InputError("it is a colour image; labels are mono8, or single-channel PNG")
    return labels
