"""Small real bags of the rendered street."""

from pathlib import Path

import cv2
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from bisenet_core.drives.rendering import RenderedDrive

BEGAN_NS = 1_700_000_000_000_000_000
SIZE = (96, 64)


def write_rendered_bag(folder: Path, frames: int, rate: float, segmenter=None, label_topic=None,
                       clock_offset_ns: int = 0) -> Path:
    """rgb8 images at ``rate`` Hz; what ``segmenter`` makes of them is in ``folder``_labels/000000.png, ...

    With ``label_topic`` also there, as mono8. Stamps are ``clock_offset_ns`` after the times of recording.
    """
    drive, store = RenderedDrive(*SIZE, frames=frames), get_typestore(Stores.ROS2_KILTED)
    labels = folder.with_name(folder.name + "_labels")
    labels.mkdir()
    with Writer(folder, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        topic = writer.add_connection("/camera/image_raw", "sensor_msgs/msg/Image", typestore=store)
        if label_topic is not None:
            truth = writer.add_connection(label_topic, "sensor_msgs/msg/Image", typestore=store)
        for index in range(frames):
            image, recorded = drive[index][0], BEGAN_NS + round(index * 1e9 / rate)
            stamp = recorded + clock_offset_ns
            message = _image(store.types, image, stamp)
            writer.write(topic, recorded, store.serialize_cdr(message, topic.msgtype))
            if segmenter is not None:
                found = segmenter.segment(image).labels
                cv2.imwrite(str(labels / f"{index:06d}.png"), found)
                if label_topic is not None:
                    message = _image(store.types, found, stamp)
                    writer.write(truth, recorded, store.serialize_cdr(message, topic.msgtype))
    return folder


def _image(types, image, stamp):
    time = types["builtin_interfaces/msg/Time"](*divmod(stamp, 10**9))
    header = types["std_msgs/msg/Header"](stamp=time, frame_id="front_optical")
    return types["sensor_msgs/msg/Image"](
        header=header, height=SIZE[1], width=SIZE[0], encoding="rgb8" if image.ndim == 3 else "mono8",
        is_bigendian=0, step=image.size // SIZE[1], data=image.reshape(-1))
