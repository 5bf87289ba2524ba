"""Images as drivers and image_transport write them, through the real node over real DDS."""

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="the node needs ROS 2 (pip install .[ros])")

from node_harness import NodeProcess, Observer
from sensor_msgs.msg import CompressedImage, Image
from test_segmentation_node import _labels, _picture, _send_and_hear

from bisenet_core.runtime.segmenter import Segmenter

# `format` as image_transport writes it, by its age; drivers write the codec alone, or nothing.
FORMATS = [
    ("jpeg", ".jpg", "bgr"), ("png", ".png", "bgr"), ("", ".jpg", "bgr"), ("jpg", ".jpg", "bgr"),
    ("rgb8; jpeg compressed bgr8", ".jpg", "bgr"), ("bgr8; jpeg compressed bgr8", ".jpg", "bgr"),
    ("rgb8; png compressed bgr8", ".png", "bgr"), ("rgba8; png compressed bgr8", ".png", "bgr"),
    ("rgb8; jpeg compressed rgb8", ".jpg", "rgb"),
    ("mono8; jpeg compressed ", ".jpg", "mono"),  # Foxy
    ("bayer_rggb8; jpeg compressed mono8", ".jpg", "mono"),  # what the plugin makes of a Bayer camera
    ("mono8; jpeg compressed mono8", ".jpg", "mono"), ("mono8; png compressed ", ".png", "mono"),
]


@pytest.fixture(scope="module")
def segmenter(tiny_model_folder):
    with Segmenter.open(str(tiny_model_folder), precision="fp32") as one:
        yield one


@pytest.fixture(scope="module")
def compressed_node(ros, tmp_path_factory, tiny_model_folder):
    log = tmp_path_factory.mktemp("compressed") / "node.log"
    with NodeProcess(log, model=tiny_model_folder, precision="fp32", image_transport="compressed") as process:
        yield process


@pytest.fixture(scope="module")
def watched(compressed_node):
    """An observer, and what it hears and sends with."""
    with Observer() as observer:
        yield (observer, observer.listen("/segmentation/labels"),
               observer.camera("/image/compressed", message_type=CompressedImage))


@pytest.mark.parametrize("description, suffix, order", FORMATS)
def test_every_format_is_read_in_its_colours(watched, segmenter, description, suffix, order):
    observer, heard, camera = watched
    file = cv2.imencode(suffix, _picture(1, 1 if order == "mono" else 3))[1]
    message = CompressedImage(format=description, data=file.tobytes())
    message.header.stamp.sec = 1 + [one[0] for one in FORMATS].index(description)
    decoded = cv2.imdecode(file, cv2.IMREAD_ANYCOLOR)
    expected = segmenter.segment(decoded, order).labels
    if order != "mono":  # or the test could not tell
        assert (expected != segmenter.segment(decoded[..., ::-1], order).labels).any()
    answer = _send_and_hear(observer, camera, heard, message)
    np.testing.assert_array_equal(_labels(answer), expected)


def test_12_bits_in_16_are_a_warning_until_they_are_said(run_node, observer, segmenter):
    run_node()
    heard, camera = observer.listen("/segmentation/labels"), observer.camera()
    picture = _picture(2, 1)
    samples = picture.astype(np.uint16) << 4
    message = Image(height=picture.shape[0], width=picture.shape[1], encoding="mono16",
                    step=2 * picture.shape[1], data=samples.tobytes())
    message.header.stamp.sec = 1
    _send_and_hear(observer, camera, heard, message)
    text = "where the camera has 12, set significant_bits to that"
    status = observer.status(lambda status: text in status.message, text)
    assert status.level == b"\x01" and status.facts["doubtful.empty_bits"] == "1"
    assert observer.set_parameter("significant_bits", 12).successful
    message.header.stamp.sec = 2
    answer = _send_and_hear(observer, camera, heard, message)
    np.testing.assert_array_equal(_labels(answer), segmenter.segment(picture, "mono").labels)
    observer.status(lambda status: text not in status.message, "an end of the doubt")
    assert not observer.set_parameter("significant_bits", 7).successful


def test_16_bits_are_read_in_the_order_of_their_bytes(run_node, observer, segmenter):
    run_node()
    heard, camera = observer.listen("/segmentation/labels"), observer.camera()
    high, low = _picture(2, 1), _picture(3, 1)
    expected = segmenter.segment(high, "mono").labels
    assert (expected != segmenter.segment(low, "mono").labels).any()  # or the test could not tell
    for is_bigendian, parts in ((0, (low, high)), (1, (high, low))):
        message = Image(height=high.shape[0], width=high.shape[1], encoding="mono16", step=2 * high.shape[1],
                        is_bigendian=is_bigendian, data=np.stack(parts, -1).tobytes())
        message.header.stamp.sec = 1 + is_bigendian
        np.testing.assert_array_equal(_labels(_send_and_hear(observer, camera, heard, message)), expected)
