"""Build the messages that bags are written with: images, label info, diagnostics."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from bisenet_core.drives.bags.image_messages import RAW
from bisenet_core.errors import InputError
from bisenet_core.labels.label_space import LabelSpace

LABEL_INFO = "vision_msgs/msg/LabelInfo"
DIAGNOSTICS = "diagnostic_msgs/msg/DiagnosticArray"

# vision_msgs is not among the types that rosbags knows.
_VISION_MSGS = {
    "vision_msgs/msg/VisionClass": "uint16 class_id\nstring class_name\n",
    LABEL_INFO: "std_msgs/Header header\nvision_msgs/VisionClass[] class_map\nfloat32 threshold\n",
}


@lru_cache
def typestore() -> Any:
    """Types of ROS 2, and vision_msgs/LabelInfo. Raises InputError where rosbags is not installed."""
    try:
        from rosbags.typesys import Stores, get_types_from_msg, get_typestore
    except ImportError:
        raise InputError("writing a bag needs rosbags: pip install rosbags") from None
    store = get_typestore(Stores.LATEST)
    for name, definition in _VISION_MSGS.items():
        store.register(get_types_from_msg(definition, name))
    return store


def header(stamp_ns: int, frame_id: str) -> Any:
    """std_msgs/Header; for times after 2038, which a broken clock tells, the latest that ROS 2 can say."""
    seconds, nanoseconds = divmod(stamp_ns, 10**9)
    time = make("builtin_interfaces/msg/Time", sec=min(seconds, 2**31 - 1), nanosec=nanoseconds)
    return make("std_msgs/msg/Header", stamp=time, frame_id=frame_id)


def image(pixels: np.ndarray, encoding: str, header: Any) -> Any:
    """uint8 HxW as mono8, HxWx3 as rgb8 -> sensor_msgs/Image without padding."""
    height, width = pixels.shape[:2]
    return make(RAW, header=header, height=height, width=width, encoding=encoding, is_bigendian=0,
                step=pixels.nbytes // height, data=np.ascontiguousarray(pixels).reshape(-1))


def label_info(label_space: LabelSpace, header: Any) -> Any:
    """vision_msgs/LabelInfo with the ids and names of all classes, ascending; 255 is unlabeled."""
    classes = [
        make("vision_msgs/msg/VisionClass", class_id=class_id, class_name=name)
        for class_id, name in enumerate(label_space.classes)
    ]
    return make(LABEL_INFO, header=header, class_map=classes, threshold=0.0)


def diagnostics(name: str, message: str, values: Mapping[str, object], header: Any) -> Any:
    """diagnostic_msgs/DiagnosticArray of one status that is OK."""
    pair = "diagnostic_msgs/msg/KeyValue"
    pairs = [make(pair, key=key, value=str(value)) for key, value in values.items()]
    status = make("diagnostic_msgs/msg/DiagnosticStatus", level=0, name=name, message=message,
                  hardware_id="", values=pairs)
    return make(DIAGNOSTICS, header=header, status=[status])


def make(msgtype: str, **fields: Any) -> Any:
    """A message of a type that ``typestore`` has, of these fields."""
    return typestore().types[msgtype](**fields)
