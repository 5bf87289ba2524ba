"""Between sensor_msgs/Image and arrays, in both directions."""

from array import array
from typing import Tuple

import numpy as np
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from bisenet_core.image_encodings import ENCODINGS, view_image


def image_from_msg(message: Image) -> Tuple[np.ndarray, str]:
    """Image -> (uint8 view of the message's own bytes, colour order); see ``view_image``.

    The view keeps the bytes alive. Raises ImageError.
    """
    return view_image(message.data, message.height, message.width, message.encoding, message.step,
                      bool(message.is_bigendian))


def image_to_msg(image: np.ndarray, encoding: str, header: Header) -> Image:
    """uint8 array, HxWxC or HxW as ``encoding`` demands -> Image without padding, with ``header`` itself."""
    height, width = image.shape[:2]
    message = Image(header=header, height=height, width=width, encoding=encoding,
                    step=width * ENCODINGS[encoding][1])
    # One copy. An array("B") is stored as it is; bytes or a numpy array are checked value by value, which
    # takes 0.5 s for a 2048x1024 image.
    data = array("B")
    data.frombytes(np.ascontiguousarray(image).data)
    message.data = data
    return message


def labels_to_msg(labels: np.ndarray, header: Header) -> Image:
    """HxW uint8 class ids -> mono8 Image: cv_bridge refuses to read 8UC1 as mono8."""
    return image_to_msg(labels, "mono8", header)
