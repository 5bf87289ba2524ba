"""Arrays to messages and back."""

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="the node needs ROS 2 (pip install .[ros])")

from hypothesis import given
from hypothesis import strategies as st
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from bisenet_core.image_encodings import ENCODINGS
from bisenet_ros.image_messages import image_from_msg, image_to_msg, labels_to_msg


@given(st.integers(1, 20), st.integers(1, 20), st.sampled_from(sorted(ENCODINGS)), st.booleans())
def test_round_trip_through_the_wire(height, width, encoding, strided):
    order, channels = ENCODINGS[encoding]
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
