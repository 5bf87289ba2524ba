"""Every output of the real node over real DDS: one header, one set of labels, whatever the form."""

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="the node needs ROS 2 (pip install .[ros])")

from node_harness import Observer
from node_thread import NodeThread
from sensor_msgs.msg import CompressedImage, Image
from test_segmentation_node import HEIGHT, WIDTH, _labels, _message, _picture

from bisenet_core.labels.label_space import CAMVID_11
from bisenet_core.labels.visualization import colourise, for_display, overlay
from bisenet_core.runtime.segmenter import Segmenter

OUTPUTS = {"labels": Image, "confidence": Image, "masks/Road": Image, "labels_color": Image,
           "overlay": Image, "labels/compressed": CompressedImage}


@pytest.fixture(scope="module")
def node(ros, tiny_model_folder):
    with NodeThread(model=tiny_model_folder, precision="fp32", masks="[Road]") as one:
        yield one


@pytest.fixture(scope="module")
def one_observer(node):
    with Observer() as observer:
        observer.status(lambda status: status.facts["state"] == "active", "an active node")
        yield observer


@pytest.fixture
def watched(one_observer):
    """An observer of the active node, which leaves min_confidence as it was."""
    yield one_observer
    assert one_observer.set_parameter("min_confidence", 0.0).successful
    one_observer.forget()


@pytest.fixture(scope="module")
def image():
    return _picture(1)


@pytest.fixture(scope="module")
def expected(image, tiny_model_folder):
    """What the Segmenter itself makes of the image."""
    with Segmenter.open(str(tiny_model_folder), precision="fp32") as segmenter:
        return segmenter.segment(image, "rgb", with_confidence=True)


def _answers(observer, message, outputs):
    """Output -> its message with this header, all from one publication or a repetition of it."""
    heard = {name: observer.listen("/segmentation/" + name, message_type=OUTPUTS[name]) for name in outputs}

    def complete():
        found = {name: [one for one in messages if one.header == message.header]
                 for name, messages in heard.items()}
        return {name: messages[0] for name, messages in found.items()} if all(found.values()) else None

    return observer.publish_until(observer.camera(), message, complete, f"{', '.join(outputs)}")


def _unpacked(answers):
    """Output -> its array; PNG is decoded."""
    png = answers.pop("labels/compressed", None)
    arrays = {name: _labels(message) for name, message in answers.items()}
    if png is not None:
        assert png.format == "png"
        arrays["labels/compressed"] = cv2.imdecode(np.frombuffer(png.data, np.uint8), cv2.IMREAD_UNCHANGED)
    return arrays


def _check(arrays, image, labels):
    """Every form says the same."""
    np.testing.assert_array_equal(arrays["labels"], labels)
    np.testing.assert_array_equal(arrays["labels/compressed"], labels)
    np.testing.assert_array_equal(arrays["masks/Road"], 255 * (labels == CAMVID_11.id_of("Road")))
    _check_colors(arrays, image, labels, CAMVID_11)


def _check_colors(arrays, image, labels, space):
    np.testing.assert_array_equal(arrays["labels_color"], colourise(labels, space))
    np.testing.assert_array_equal(arrays["overlay"], overlay(image, labels, space, 0.5))


def test_every_output_has_the_images_header_and_says_the_same(watched, image, expected):
    answers = _answers(watched, _message(image, second=40), OUTPUTS)
    for name in ("labels", "confidence", "masks/Road"):
        message = answers[name]
        assert (message.encoding, message.height, message.width, message.step) == (
            "mono8", HEIGHT, WIDTH, WIDTH), name
    arrays = _unpacked(answers)
    _check(arrays, image, expected.labels)
    np.testing.assert_array_equal(arrays["confidence"], expected.confidence)


def test_below_min_confidence_nothing_is_labelled_in_any_output(watched, image, expected):
    for second, percent in ((41, 30), (42, 70)):
        limit = np.percentile(expected.confidence, percent) / 255
        assert watched.set_parameter("min_confidence", float(limit)).successful
        unsure = expected.confidence / 255 < limit
        assert 0.1 < unsure.mean() < 0.9
        arrays = _unpacked(_answers(watched, _message(image, second=second), OUTPUTS))
        _check(arrays, image, np.where(unsure, 255, expected.labels).astype(np.uint8))
        np.testing.assert_array_equal(arrays["confidence"], expected.confidence)


def test_min_confidence_needs_no_subscriber_to_the_confidence(watched, image, expected):
    assert watched.set_parameter("min_confidence", 1).successful
    labels = _unpacked(_answers(watched, _message(image, second=43), ["labels"]))["labels"]
    np.testing.assert_array_equal(labels, np.where(expected.confidence < 255, 255, expected.labels))
    assert watched.set_parameter("min_confidence", 0.0).successful
    labels = _unpacked(_answers(watched, _message(image, second=44), ["labels"]))["labels"]
    np.testing.assert_array_equal(labels, expected.labels)


def test_the_palette_changes_at_run_time_and_colours_alone_change(watched, image, expected):
    for second, palette, space in ((45, "display", for_display(CAMVID_11)), (46, "card", CAMVID_11)):
        assert watched.set_parameter("palette", palette).successful
        answers = _answers(watched, _message(image, second=second), ["labels", "labels_color", "overlay"])
        assert {answers[name].encoding for name in ("labels_color", "overlay")} == {"rgb8"}
        arrays = _unpacked(answers)
        np.testing.assert_array_equal(arrays["labels"], expected.labels)
        _check_colors(arrays, image, expected.labels, space)
    result = watched.set_parameter("palette", "bright")
    assert (result.successful, result.reason) == (
        False, "palette is 'bright'; expected one of card, display")


@pytest.mark.parametrize("name", sorted(OUTPUTS))
def test_each_output_can_be_had_alone(watched, image, name):
    seconds = 50 + sorted(OUTPUTS).index(name)
    assert _answers(watched, _message(image, second=seconds), [name])


@pytest.mark.parametrize("value, reason", [
    (1.01, "min_confidence out of range"), (-0.5, "min_confidence out of range"),
    (float("nan"), "min_confidence"),
    ("high", "min_confidence is 'high'; expected a number from 0 to 1"),
    (True, "min_confidence is True; expected a number from 0 to 1"),
])
def test_an_invalid_min_confidence_is_refused_with_the_reason(watched, value, reason):
    result = watched.set_parameter("min_confidence", value)
    assert not result.successful
    assert reason in result.reason
