"""Small real drives for tests: folders, videos and bags, written with the usual libraries."""

from pathlib import Path

import cv2
import numpy as np
from rosbags.rosbag1 import Writer as Ros1Writer
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

RAW = "sensor_msgs/msg/Image"
COMPRESSED = "sensor_msgs/msg/CompressedImage"
START = 1_700_000_000_000_000_000


def frame(index: int, width: int = 64, height: int = 48) -> np.ndarray:
    """HxWx3 uint8 RGB with smooth content that names its index: red is index * 20 modulo 256."""
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0] = index * 20 % 256
    image[..., 1] = np.linspace(0, 255, width, dtype=np.uint8)
    image[..., 2] = np.linspace(0, 255, height, dtype=np.uint8)[:, None]
    return image


def truth(index: int, width: int = 64, height: int = 48) -> np.ndarray:
    """HxW uint8 CamVid-11 ids: three bands and one ignored column."""
    labels = np.repeat(np.array([0, 5, 3], np.uint8), height // 3)[:, None].repeat(width, 1)
    labels[:, index % width] = 11
    return labels


def write_folder(root: Path, count: int, with_labels: bool = True) -> Path:
    """``root``/images (names not zero-padded) and ``root``/labels; returns the images folder."""
    images, labels = root / "images", root / "labels"
    images.mkdir(parents=True)
    for index in range(count):
        cv2.imwrite(str(images / f"frame_{index}.png"), frame(index)[..., ::-1])
    if with_labels:
        labels.mkdir()
        for index in range(count):
            cv2.imwrite(str(labels / f"frame_{index}.png"), truth(index))
    return images


def write_video(path: Path, count: int, rate: float = 10.0) -> Path:
    """A real MPEG-4 video."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), rate, (64, 48))
    for index in range(count):
        writer.write(np.ascontiguousarray(frame(index)[..., ::-1]))
    writer.release()
    return path


def write_bag(
    folder: Path,
    count: int,
    storage: StoragePlugin = StoragePlugin.MCAP,
    topics: tuple = (("/camera/image_raw", RAW),),
    step_ns: int = 100_000_000,
) -> Path:
    """A real ROS 2 bag; raw images are bgr8 with four bytes of padding in each row."""
    store = get_typestore(Stores.ROS2_KILTED)
    with Writer(folder, version=9, storage_plugin=storage) as writer:
        connections = [writer.add_connection(topic, kind, typestore=store) for topic, kind in topics]
        for index in range(count):
            stamp = START + index * step_ns
            for connection in connections:
                message = _message(store, connection.msgtype, index, stamp)
                writer.write(connection, stamp, store.serialize_cdr(message, connection.msgtype))
    return folder


def write_ros1_bag(path: Path, count: int) -> Path:
    """A real ROS 1 bag of raw images."""
    store = get_typestore(Stores.ROS1_NOETIC)
    with Ros1Writer(path) as writer:
        connection = writer.add_connection("/camera/image_raw", RAW, typestore=store)
        for index in range(count):
            stamp = START + index * 100_000_000
            message = _message(store, RAW, index, stamp, {"seq": index})
            writer.write(connection, stamp, store.serialize_ros1(message, RAW))
    return path


def _message(store, kind: str, index: int, stamp: int, extra_header=None):
    types = store.types
    time = types["builtin_interfaces/msg/Time"](*divmod(stamp, 10**9))
    header = types["std_msgs/msg/Header"](stamp=time, frame_id="camera", **(extra_header or {}))
    if kind == COMPRESSED:
        data = cv2.imencode(".png", frame(index)[..., ::-1])[1].ravel()
        return types[kind](header=header, format="png", data=data)
    if kind != RAW:
        return types[kind](data=f"{index}")
    rows = np.zeros((48, 64 * 3 + 4), np.uint8)
    rows[:, : 64 * 3] = frame(index)[..., ::-1].reshape(48, -1)
    return types[kind](
        header=header,
        height=48,
        width=64,
        encoding="bgr8",
        is_bigendian=0,
        step=rows.shape[1],
        data=rows.ravel(),
    )
