"""Bags for tests, message by message: stamps, times, sizes, types and damage are the caller's."""

from typing import NamedTuple

import cv2
import numpy as np
from rosbags.rosbag1 import Writer as Ros1Writer
from rosbags.rosbag2 import CompressionFormat, StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

RAW, COMPRESSED = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"
STRING = "std_msgs/msg/String"
CAMERA_INFO = "sensor_msgs/msg/CameraInfo"
IMAGES, LABELS = "/camera/image_raw", "/labels"
START = 1_700_000_000_000_000_000
STEP = 100_000_000
_SAMPLES = {"mono16": np.uint16, "16UC1": np.uint16, "32FC1": np.float32, "32SC1": np.int32}
STORE, ROS1 = get_typestore(Stores.ROS2_KILTED), get_typestore(Stores.ROS1_NOETIC)


class Record(NamedTuple):
    """A message and when it was recorded; None for the stamp means that time.

    Pixels become samples of the size that a raw image's ``encoding`` names; without one they are as they are.
    Of a compressed image it is the ``format``. ``padding``: bytes behind each row of a raw image, of which
    its ``step`` says nothing.
    """

    topic: str
    time: int
    pixels: object
    kind: str = RAW
    stamp: int = None
    encoding: str = ""
    padding: int = 0


def camera_info(width=96, height=64, focal=0.85 * 96, **changes):
    """What a Record of CameraInfo has for pixels: fields of a pinhole camera, its axis in the middle."""
    k = [focal, 0.0, (width - 1) / 2, 0.0, focal, (height - 1) / 2, 0.0, 0.0, 1.0]
    return {"width": width, "height": height, "distortion_model": "plumb_bob", "d": np.zeros(5),
            "k": np.array(k), "r": np.eye(3).reshape(-1), "p": np.insert(k, [3, 6, 9], 0.0),
            "binning_x": 0, "binning_y": 0, "roi": (0, 0, 0, 0), **changes}


def picture(index, width=32, height=24):
    """HxWx3 uint8 RGB, another for each index; noise, which no compression makes smaller."""
    return np.random.default_rng(index).integers(0, 256, (height, width, 3), np.uint8)


def labels(index, width=32, height=24):
    """HxW uint8: ids of CamVid-11, 11 and 255 among them."""
    image = np.full((height, width), index % 11, np.uint8)
    image[0], image[1] = 11, 255
    return image


def images(count, kind=RAW, topic=IMAGES):
    """Records of so many pictures, at 10 Hz."""
    return [Record(topic, START + index * STEP, picture(index), kind) for index in range(count)]


def label_records(count, kind=RAW, topic=LABELS):
    """Records of labels that were recorded 7 ns after the pictures of the same stamp."""
    times = [START + index * STEP for index in range(count)]
    return [Record(topic, time + 7, labels(i), kind, time) for i, time in enumerate(times)]


def message(record, store=STORE):
    """The message itself; pixels that are bytes are what a CompressedImage holds, text is a String, and
    a dict is a ``camera_info``."""
    if record.kind == STRING:
        return store.types[STRING](data=record.pixels)
    stamp = record.time if record.stamp is None else record.stamp
    time = store.types["builtin_interfaces/msg/Time"](*divmod(stamp, 10**9))
    sequence = {"seq": 3} if store is ROS1 else {}
    header = store.types["std_msgs/msg/Header"](stamp=time, frame_id="camera", **sequence)
    if record.kind == CAMERA_INFO:
        fields = {name.upper() if store is ROS1 and name in "dkrp" else name: value
                  for name, value in record.pixels.items()}
        offset_x, offset_y, width, height = fields.pop("roi")
        roi = store.types["sensor_msgs/msg/RegionOfInterest"](offset_x, offset_y, height, width, False)
        return store.types[CAMERA_INFO](header=header, roi=roi, **fields)
    if record.kind == COMPRESSED:
        data = record.pixels if isinstance(record.pixels, bytes) else png(record.pixels)
        return store.types[COMPRESSED](
            header=header, format=record.encoding or "png", data=np.frombuffer(data, np.uint8)
        )
    pixels = np.ascontiguousarray(record.pixels, _SAMPLES.get(record.encoding, np.uint8))
    height, width = pixels.shape[:2]
    encoding = record.encoding or ("mono8" if pixels.ndim == 2 else "rgb8")
    data = np.pad(pixels.reshape(height, -1).view(np.uint8), ((0, 0), (0, record.padding))).reshape(-1)
    return store.types[RAW](header, height, width, encoding, 0, pixels.nbytes // height, data)


def png(pixels):
    """The bytes of a PNG; three channels are RGB."""
    return cv2.imencode(".png", pixels[..., ::-1] if pixels.ndim == 3 else pixels)[1].tobytes()


def write_bag(folder, records, storage=StoragePlugin.MCAP, compression=None):
    """A ROS 2 bag folder. ``compression``: a CompressionMode, by zstd."""
    writer = Writer(folder, version=9, storage_plugin=storage)
    if compression is not None:
        writer.set_compression(compression, CompressionFormat.ZSTD)
    with writer:
        connections = {}
        for record in records:
            key = record.topic, record.kind
            if key not in connections:
                connections[key] = writer.add_connection(*key, typestore=STORE)
            writer.write(connections[key], record.time, serialised(record))
    return folder


def serialised(record):
    """CDR; of a raw Image or CameraInfo whose pixels are bytes, these are the whole message."""
    if record.kind in (RAW, CAMERA_INFO) and isinstance(record.pixels, bytes):
        return record.pixels
    return bytes(STORE.serialize_cdr(message(record), record.kind))


def write_ros1_bag(path, records):
    """A ROS 1 bag."""
    with Ros1Writer(path) as writer:
        connections = {}
        for record in records:
            key = record.topic, record.kind
            if key not in connections:
                connections[key] = writer.add_connection(*key, typestore=ROS1)
            data = ROS1.serialize_ros1(message(record, ROS1), record.kind)
            writer.write(connections[key], record.time, data)
    return path


def storage_file(folder):
    """The only storage file of a bag folder."""
    (file,) = [path for path in folder.iterdir() if path.suffix in (".db3", ".mcap", ".zstd")]
    return file


def assert_pictures(frames, indices):
    """The frames are whole and are the pictures of these numbers."""
    frames = list(frames)
    assert [frame.index for frame in frames] == list(indices)
    for frame in frames:
        assert frame.problem == ""
        np.testing.assert_array_equal(frame.image, picture(frame.index))
        assert frame.recorded_ns == frame.stamp_ns == START + frame.index * STEP
        assert (frame.frame_id, frame.truth) == ("camera", None)
        assert frame.decode_ms > 0
