"""Convert sensor_msgs/Image and CompressedImage to arrays and back, and choose between the two."""

from array import array
from typing import Any, Callable, List, NamedTuple, Tuple, Union

import numpy as np
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from bisenet_core.images.compressed import decode_compressed, encode_png
from bisenet_core.images.doubts import Doubt, doubt_compressed, doubt_raw
from bisenet_core.images.encodings import ENCODINGS, SAMPLE_BITS, ImageError, check_size, view_image
from bisenet_core.images.label_images import view_labels

ImageMessage = Union[Image, CompressedImage]


def image_from_msg(message: Image, significant_bits: int = SAMPLE_BITS) -> Tuple[np.ndarray, str]:
    """Image -> (uint8 array, colour order): a view of the message's own bytes where ``view_image`` gives one.

    The view keeps the bytes alive. Encodings that ``view_image`` does not know are left to cv_bridge where it
    is installed. Raises ImageError.
    """
    try:
        return view_image(message.data, message.height, message.width, message.encoding, message.step,
                          bool(message.is_bigendian), significant_bits)
    except ImageError as error:
        if error.reason != "unsupported_encoding":
            raise
        return _through_cv_bridge(message, error), "bgr"


def compressed_from_msg(message: CompressedImage,
                        significant_bits: int = SAMPLE_BITS) -> Tuple[np.ndarray, str]:
    """CompressedImage (JPEG or PNG) -> (uint8 array, colour order); see ``decode_compressed``."""
    return decode_compressed(message.data, message.format, significant_bits=significant_bits)


def image_to_msg(image: np.ndarray, encoding: str, header: Header) -> Image:
    """uint8 array, HxWxC or HxW as ``encoding`` demands -> Image without padding, with ``header`` itself.

    ``encoding`` is one that ``view_image`` gives a view of.
    """
    height, width = image.shape[:2]
    message = Image(header=header, height=height, width=width, encoding=encoding,
                    step=width * ENCODINGS[encoding].pixel_bytes)
    message.data = _message_bytes(image)
    return message


def labels_to_msg(labels: np.ndarray, header: Header) -> Image:
    """HxW uint8 class ids -> mono8 Image: cv_bridge refuses to read 8UC1 as mono8."""
    return image_to_msg(labels, "mono8", header)


def labels_from_msg(message: Image) -> np.ndarray:
    """Image of class ids, such as ``labels_to_msg`` makes -> HxW uint8. Raises ImageError for any other."""
    return view_labels(message.data, message.height, message.width, message.encoding, message.step,
                       bool(message.is_bigendian))


def labels_to_png_msg(labels: np.ndarray, header: Header) -> CompressedImage:
    """HxW uint8 class ids -> PNG, which keeps every id; JPEG would invent classes."""
    message = CompressedImage(header=header, format="png")
    message.data = _message_bytes(encode_png(labels))
    return message


def _doubt_image(message: Image, image: np.ndarray, significant_bits: int) -> List[Doubt]:
    usual = len(message.data) == message.step * message.height and not message.encoding.endswith("16")
    if usual or message.encoding not in ENCODINGS:  # it has just the bytes that it says; or cv_bridge read it
        return []
    return doubt_raw(message.data, message.height, message.width, message.encoding, message.step, image,
                     significant_bits, bool(message.is_bigendian))


class Transport(NamedTuple):
    """How a camera's images come."""

    message_type: Any
    type_name: str
    topic_suffix: str  # behind the image topic as it is after remapping, as image_transport has it
    read: Callable     # message, significant bits -> (array, colour order); raises ImageError
    doubt: Callable    # message, the array read, significant bits -> list of Doubts


#: By the parameter `image_transport`.
TRANSPORTS = {
    "raw": Transport(Image, "sensor_msgs/msg/Image", "", image_from_msg, _doubt_image),
    "compressed": Transport(CompressedImage, "sensor_msgs/msg/CompressedImage", "/compressed",
                            compressed_from_msg,
                            lambda message, image, bits: doubt_compressed(message.data, image, bits)),
}


def image_qos(reliability: str) -> QoSProfile:
    """QoS of an image subscription: sensor data (REP 2003), depth 1, since an image that waits only ages."""
    policies = {"reliable": ReliabilityPolicy.RELIABLE, "best_effort": ReliabilityPolicy.BEST_EFFORT}
    return QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=1, durability=DurabilityPolicy.VOLATILE,
                      reliability=policies[reliability])


def _message_bytes(values: np.ndarray) -> Any:
    # One copy. An array("B") is stored as it is; bytes or a numpy array are checked value by value, which
    # takes 0.5 s for a 2048x1024 image.
    data = array("B")
    data.frombytes(np.ascontiguousarray(values).data)
    return data


def _through_cv_bridge(message: Image, refusal: ImageError) -> np.ndarray:
    """HxWx3 uint8 BGR. Imported only when such an image comes: nothing else here needs it."""
    try:
        from cv_bridge import CvBridge
    except Exception:  # it may be installed and yet not load, where it was built for another numpy
        raise refusal from None
    check_size(message.height, message.width)
    try:
        return np.ascontiguousarray(CvBridge().imgmsg_to_cv2(message, "bgr8"))
    except Exception as error:  # whatever it is, from an unknown name to missing bytes
        raise ImageError(refusal.reason, "{}; cv_bridge cannot read it either: {}".format(
            refusal, " ".join(str(error).split()))) from None
