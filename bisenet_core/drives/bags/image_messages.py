"""Read sensor_msgs/Image and CompressedImage, as bags hold them, without ROS."""

import struct
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from bisenet_core.drives.bags.bag import Message, Messages
from bisenet_core.errors import InputError, parsing
from bisenet_core.images.compressed import decode_compressed
from bisenet_core.images.doubts import Doubt, doubt_compressed, doubt_raw
from bisenet_core.images.encodings import SAMPLE_BITS, to_rgb, view_image

RAW = "sensor_msgs/msg/Image"
COMPRESSED = "sensor_msgs/msg/CompressedImage"
IMAGE_TYPES = (RAW, COMPRESSED)

_STAMP_BYTES = 16  # of a message, in which its stamp lies


class Header(NamedTuple):
    """The fields of a std_msgs/Header that ROS 1 and ROS 2 share."""

    stamp_ns: int
    frame_id: str


def stamps_of(messages: Messages) -> np.ndarray:
    """int64: the stamp, nanoseconds, of each message that begins with a std_msgs/Header; -1 if unreadable."""
    return np.array([stamp_of(messages, index) for index in range(len(messages))], np.int64)


def stamp_of(messages: Messages, index: int) -> int:
    """As ``stamps_of``, of one message."""
    try:
        return _read_stamp(messages.head(index, _STAMP_BYTES))[0]
    except Exception:  # in a damaged bag, of any kind; whoever reads the message is told
        return -1


def header_of(message: Message) -> Header:
    """The std_msgs/Header with which a message begins. Raises InputError where it is cut off."""
    stamp, order, at = _read_stamp(message)
    try:
        (size,) = struct.unpack_from(order + "I", message.data, at)
        text = bytes(message.data[at + 4 : at + 4 + size])
    except struct.error:
        raise InputError("the message ends within its header") from None
    return Header(stamp, text.rstrip(b"\0").decode(errors="replace"))


def decode_image(message: Message, significant_bits: int = SAMPLE_BITS) -> np.ndarray:
    """HxWx3 uint8 RGB; ``significant_bits``: see ``view_image``.

    Raises InputError, one line, for a message that cannot be read as an image.
    """
    return to_rgb(*view_message(message, significant_bits))


def view_message(message: Message, significant_bits: int = SAMPLE_BITS) -> tuple[np.ndarray, str]:
    """HxW or HxWxC uint8 and its colour order, as ``images.encodings`` names it. Raises InputError."""
    image = deserialise(message)
    if message.msgtype == COMPRESSED:
        return decode_compressed(image.data, image.format, significant_bits=significant_bits)
    layout = image.height, image.width, image.encoding, image.step
    return view_image(image.data, *layout, bool(image.is_bigendian), significant_bits)


def doubts_of(message: Message, significant_bits: int = SAMPLE_BITS) -> list[Doubt]:
    """Why an image that can be read may be read wrongly. Raises InputError for one that cannot."""
    image, pixels = deserialise(message), view_message(message, significant_bits)[0]
    if message.msgtype == COMPRESSED:
        return doubt_compressed(image.data, pixels, significant_bits)
    layout = image.height, image.width, image.encoding, image.step
    return doubt_raw(image.data, *layout, pixels, significant_bits, bool(image.is_bigendian))


def deserialise(message: Message) -> Any:
    """The message's fields. Raises InputError for bytes that are not of its type."""
    store = _typestore(message.ros1)
    with parsing(f"its {len(message.data)} bytes are no {message.msgtype}"):
        deserialize = store.deserialize_ros1 if message.ros1 else store.deserialize_cdr
        return deserialize(message.data, message.msgtype)


@lru_cache
def _typestore(ros1: bool) -> Any:
    # Both types have been the same in every ROS 2: the definitions that a bag carries are not needed.
    from rosbags.typesys import Stores, get_typestore

    return get_typestore(Stores.ROS1_NOETIC if ros1 else Stores.LATEST)


def _read_stamp(message: Message) -> tuple[int, str, int]:
    """Stamp in ns, byte order, and where the frame's name begins."""
    # Before the stamp stands the sequence number in ROS 1, in CDR what says how it is encoded.
    order = ">" if not message.ros1 and bytes(message.data[1:2]) == b"\0" else "<"
    try:
        seconds, nanoseconds = struct.unpack_from(order + ("II" if message.ros1 else "iI"), message.data, 4)
    except struct.error:
        raise InputError(f"the message has only {len(message.data)} bytes and no header") from None
    return seconds * 1_000_000_000 + nanoseconds, order, 12
