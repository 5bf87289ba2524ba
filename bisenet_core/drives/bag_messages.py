"""Build the messages that bags are written with: images, label info, camera info, diagnostics."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from bisenet_core.drives.bags.image_messages import COMPRESSED, RAW
from bisenet_core.errors import InputError
from bisenet_core.labels.label_space import LabelSpace

LABEL_INFO = "vision_msgs/msg/LabelInfo"
CAMERA_INFO = "sensor_msgs/msg/CameraInfo"
DIAGNOSTICS = "diagnostic_msgs/msg/DiagnosticArray"
_ROI = "sensor_msgs/msg/RegionOfInterest"

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
    time = _make("builtin_interfaces/msg/Time", sec=min(seconds, 2**31 - 1), nanosec=nanoseconds)
    return _make("std_msgs/msg/Header", stamp=time, frame_id=frame_id)


def image(pixels: np.ndarray, encoding: str, header: Any) -> Any:
    """uint8 HxW as mono8, HxWx3 as rgb8 -> sensor_msgs/Image without padding."""
    height, width = pixels.shape[:2]
    return _make(
        RAW,
        header=header,
        height=height,
        width=width,
        encoding=encoding,
        is_bigendian=0,
        step=pixels.nbytes // height,
        data=np.ascontiguousarray(pixels).reshape(-1),
    )


def compressed_image(data: bytes, image_format: str, header: Any) -> Any:
    """The bytes of a PNG or a JPEG, which ``image_format`` says -> sensor_msgs/CompressedImage."""
    return _make(COMPRESSED, header=header, format=image_format, data=np.frombuffer(data, np.uint8))


def camera_info(size: tuple[int, int], focal: float, header: Any) -> Any:
    """sensor_msgs/CameraInfo of a pinhole camera without distortion, its principal point in the middle.

    ``size``: (width, height), and ``focal`` are in pixels.
    """
    width, height = size
    k = np.array([[focal, 0.0, (width - 1) / 2], [0.0, focal, (height - 1) / 2], [0.0, 0.0, 1.0]])
    return _make(
        CAMERA_INFO,
        header=header,
        height=height,
        width=width,
        distortion_model="plumb_bob",
        d=np.zeros(5),
        k=k.reshape(-1),
        r=np.eye(3).reshape(-1),
        p=np.hstack([k, np.zeros((3, 1))]).reshape(-1),
        binning_x=0,
        binning_y=0,
        roi=_make(_ROI, x_offset=0, y_offset=0, height=0, width=0, do_rectify=False),
    )


def label_info(label_space: LabelSpace, header: Any) -> Any:
    """vision_msgs/LabelInfo with the ids and names of all classes, ascending; 255 is unlabeled."""
    classes = [
        _make("vision_msgs/msg/VisionClass", class_id=class_id, class_name=name)
        for class_id, name in enumerate(label_space.classes)
    ]
    return _make(LABEL_INFO, header=header, class_map=classes, threshold=0.0)


def diagnostics(name: str, message: str, values: Mapping[str, object], header: Any) -> Any:
    """diagnostic_msgs/DiagnosticArray of one status that is OK."""
    pair = "diagnostic_msgs/msg/KeyValue"
    pairs = [_make(pair, key=key, value=str(value)) for key, value in values.items()]
    status = _make(
        "diagnostic_msgs/msg/DiagnosticStatus",
        level=0,
        name=name,
        message=message,
        hardware_id="",
        values=pairs,
    )
    return _make(DIAGNOSTICS, header=header, status=[status])


def _make(msgtype: str, **fields: Any) -> Any:
    return typestore().types[msgtype](**fields)
