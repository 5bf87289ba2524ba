"""Arrays to messages and back."""

import sys
from types import ModuleType

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="the node needs ROS 2 (pip install .[ros])")

from hypothesis import given
from hypothesis import strategies as st
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from bisenet_core.images.compressed import encode_png
from bisenet_core.images.encodings import ENCODINGS, ImageError
from bisenet_ros.image_messages import (
    TRANSPORTS,
    compressed_from_msg,
    image_from_msg,
    image_to_msg,
    labels_from_msg,
    labels_to_msg,
    labels_to_png_msg,
)

VIEWED = sorted(name for name, encoding in ENCODINGS.items() if encoding.convert is None)


@given(st.integers(1, 20), st.integers(1, 20), st.sampled_from(VIEWED), st.booleans())
def test_round_trip_through_the_wire(height, width, encoding, strided):
    order, channels = ENCODINGS[encoding][:2]
    width *= ENCODINGS[encoding].multiple[0]
    image = np.random.RandomState(height).randint(0, 256, (height, 2 * width, channels)).astype(np.uint8)
    image = image[:, ::2] if strided else np.ascontiguousarray(image[:, :width])
    image = image[..., 0] if channels == 1 else image
    header = Header(frame_id="camera")
    header.stamp.sec = 5
    wire = serialize_message(image_to_msg(image, encoding, header))
    message = deserialize_message(wire, Image)
    assert message.header == header
    assert message.step == width * channels
    back, back_order = image_from_msg(message)
    assert back_order == order
    np.testing.assert_array_equal(back, image)


def test_an_image_is_a_view_of_its_message():
    message = image_to_msg(np.zeros((4, 4, 3), np.uint8), "bgr8", Header())
    image, _ = image_from_msg(message)
    message.data[5] = 77
    assert image[0, 1, 2] == 77


def test_labels_are_mono8():
    message = labels_to_msg(np.full((3, 5), 255, np.uint8), Header())
    assert (message.encoding, message.height, message.width, message.step) == ("mono8", 3, 5, 5)
    assert bytes(message.data) == b"\xff" * 15
    assert (labels_from_msg(message) == 255).all()


def test_what_another_node_publishes_as_labels_is_read_exactly_or_refused():
    ids = np.array([[3, 4]], np.uint16)
    deep = Image(height=1, width=2, encoding="mono16", step=4, data=ids.tobytes())
    assert labels_from_msg(deep).tolist() == [[3, 4]]
    with pytest.raises(ImageError, match="it is a colour image; expected class ids"):
        labels_from_msg(image_to_msg(np.zeros((4, 5, 3), np.uint8), "rgb8", Header()))


def test_big_endian_reaches_the_conversion():
    message = Image(height=1, width=2, encoding="mono16", step=4, is_bigendian=1, data=[1, 200, 2, 201])
    image, order = image_from_msg(message)
    assert (image.tolist(), order) == ([[1, 2]], "mono")


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 99))
def test_png_labels_come_back_through_the_wire_as_they_were(height, width, seed):
    labels = np.random.RandomState(seed).randint(0, 256, (height, width)).astype(np.uint8)
    header = Header(frame_id="camera")
    header.stamp.sec = 5
    message = deserialize_message(serialize_message(labels_to_png_msg(labels, header)), CompressedImage)
    back, order = compressed_from_msg(message)
    assert (message.header, message.format, order) == (header, "png", "mono")
    np.testing.assert_array_equal(back, labels)


def test_a_damaged_compressed_message_is_refused():
    message = labels_to_png_msg(np.zeros((4, 4), np.uint8), Header())
    message.data = message.data[:-1]
    with pytest.raises(ImageError, match="end before the image does") as error:
        compressed_from_msg(message)
    assert error.value.reason == "damaged"


class Bridge:
    """What cv_bridge does with one encoding it knows, and with one it does not."""

    def imgmsg_to_cv2(self, message, desired_encoding):
        assert desired_encoding == "bgr8"
        if message.encoding != "bgr16":
            raise RuntimeError("[16UC1] is not\na color format")
        return np.full((message.height, message.width, 3), 7, np.uint8)


@pytest.fixture
def cv_bridge(monkeypatch):
    module = ModuleType("cv_bridge")
    module.CvBridge = Bridge
    monkeypatch.setitem(sys.modules, "cv_bridge", module)


def test_other_encodings_go_through_cv_bridge(cv_bridge):
    image, order = image_from_msg(Image(height=2, width=3, encoding="bgr16", step=18))
    assert (image.shape, order, image.max()) == ((2, 3, 3), "bgr", 7)


def test_what_cv_bridge_has_read_is_not_doubted():
    message = Image(height=2, width=3, encoding="bgr16", step=18, data=bytes(36))
    assert TRANSPORTS["raw"].doubt(message, np.full((2, 3, 3), 255, np.uint8), 12) == []


def test_what_cv_bridge_cannot_read_is_refused_in_one_line(cv_bridge):
    with pytest.raises(ImageError) as error:
        image_from_msg(Image(height=2, width=3, encoding="16UC1", step=6))
    assert str(error.value).startswith("unsupported encoding '16UC1'; expected one of rgb8, ")
    assert str(error.value).endswith("; cv_bridge cannot read it either: [16UC1] is not a color format")
    assert error.value.reason == "unsupported_encoding"
    with pytest.raises(ImageError) as error:
        image_from_msg(Image(height=0, width=3, encoding="bgr16", step=18))
    assert error.value.reason == "zero_size"


def test_without_cv_bridge_other_encodings_are_refused_by_name(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv_bridge", None)
    with pytest.raises(ImageError, match="unsupported encoding 'bgr16'; expected one of") as error:
        image_from_msg(Image(height=2, width=3, encoding="bgr16", step=18))
    assert error.value.reason == "unsupported_encoding"


def test_encodings_we_know_never_import_cv_bridge(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv_bridge", None)
    for encoding in sorted(ENCODINGS):
        image_from_msg(Image(height=4, width=4, encoding=encoding, step=16, data=bytes(96)))


def test_a_picture_of_labels_is_small():
    assert len(encode_png(np.zeros((1024, 2048), np.uint8))) < 20000
