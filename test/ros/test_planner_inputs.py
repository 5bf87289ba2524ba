"""What a planner may take from its messages, and what it must refuse."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="the messages are those of ROS 2 (pip install .[ros])")

from sensor_msgs.msg import CameraInfo, Image, RegionOfInterest
from std_msgs.msg import Header
from test_label_info import LabelInfo, VisionClass

from bisenet_core.labels.label_space import CAMVID_11, CITYSCAPES_19
from bisenet_ros.image_messages import image_to_msg

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "examples"))

from planner_inputs import (
    StampMatcher,
    UnfitError,
    check_label_info,
    confidence_from_msg,
    ground_camera,
    labels_from_msg,
)

K = [100.0, 0.0, 3.0, 0.0, 90.0, 2.0, 0.0, 0.0, 1.0]
P = [80.0, 0.0, 3.5, 0.0, 0.0, 70.0, 2.5, 0.0, 0.0, 0.0, 1.0, 0.0]


def _image(values, encoding="mono8", second=1, frame_id="camera"):
    header = Header(frame_id=frame_id)
    header.stamp.sec = second
    return image_to_msg(np.asarray(values, np.uint8), encoding, header)


def _info(**changes):
    info = CameraInfo(width=6, height=4, k=K, header=Header(frame_id="camera"))
    for name, value in changes.items():
        setattr(info, name, value)
    return info


LABELS = _image(np.full((4, 6), 3))


def _refused(line):
    return pytest.raises(UnfitError, match=re.escape(line))


def test_labels_are_ids_of_the_classes_or_255():
    ids = [[0, 10, 255]]
    np.testing.assert_array_equal(labels_from_msg(_image(ids), CAMVID_11), ids)


@pytest.mark.parametrize("last", [11, 18, 254])
def test_an_id_that_no_class_has_is_refused(last):
    with _refused("labels have class {}, but CamVid-11 has 0 to 10 (and 255)".format(last)):
        labels_from_msg(_image([[0, 255, last]]), CAMVID_11)


@pytest.mark.parametrize("encoding, data", [
    ("mono16", np.full(24, 13, np.uint16).tobytes()),  # its high byte would say class 0, Cityscapes' road
    ("8UC1", bytes(24)), ("rgb8", bytes(72)), ("mono8\n", bytes(24)),
])
def test_other_encodings_are_refused_though_they_have_a_grey_plane(encoding, data):
    message = Image(height=4, width=6, encoding=encoding, step=len(data) // 4, data=data)
    line = "is '{}'; expected mono8".format(encoding.replace("\n", " "))
    with _refused("labels " + line):
        labels_from_msg(message, CITYSCAPES_19)
    with _refused("confidence " + line):
        confidence_from_msg(message, np.zeros((4, 6), np.uint8))


def test_a_confidence_of_another_size_is_refused():
    with _refused("labels are 6x4 and confidence is 6x2"):
        confidence_from_msg(_image(np.zeros((2, 6))), np.zeros((4, 6), np.uint8))


@pytest.mark.parametrize("changes, focal", [
    ({}, 100.0),
    ({"d": [0.0] * 5}, 100.0),
    ({"p": P}, 80.0),
    ({"p": P, "d": [-0.3, 0.1, 0.0, 0.0, 0.0]}, 80.0),
    ({"roi": RegionOfInterest(width=6, height=4), "binning_x": 1, "binning_y": 1}, 100.0),
])
def test_the_camera_is_that_of_the_rectified_image(changes, focal):
    camera = ground_camera(_info(**changes), LABELS, 1.3, 0.1)
    assert (camera.fx, camera.height, camera.pitch) == (focal, 1.3, 0.1)


@pytest.mark.parametrize("changes, line", [
    ({"width": 12}, "labels are 6x4 and camera_info is of 12x4"),
    ({"header": Header(frame_id="re\nar")}, "labels are in frame 'camera' and camera_info is in 're ar'"),
    ({"d": [-0.3, 0.1, 0.0, 0.0, 0.0]}, "camera_info: the camera has distortion D but no P"),
    ({"k": [0.0] * 9}, "camera_info: K has fx 0, fy 0, cx 0, cy 0; expected a calibrated camera"),
    ({"roi": RegionOfInterest(x_offset=1, width=5, height=4)}, "a region of interest or binning"),
    ({"roi": RegionOfInterest(width=6, height=2)}, "a region of interest or binning"),
    ({"binning_y": 2}, "a region of interest or binning"),
])
def test_a_camera_info_that_does_not_fit_is_refused(changes, line):
    with _refused(line):
        ground_camera(_info(**changes), LABELS, 1.3, 0.1)


def _label_info(classes):
    message = LabelInfo(0.0)
    message.class_map = [VisionClass(class_id, name) for class_id, name in classes.items()]
    return message


def test_the_label_info_of_the_model_is_taken():
    check_label_info(_label_info(dict(enumerate(CAMVID_11.classes))), CAMVID_11)


@pytest.mark.parametrize("classes, line", [
    (dict(enumerate(CITYSCAPES_19.classes)), "class 0 of the labels is 'road', but 'Sky' in CamVid-11"),
    (dict(enumerate(CAMVID_11.classes[:-1])), "class 10 of the labels is 'no class', but 'Bicyclist' in"),
    (dict(enumerate([*CAMVID_11.classes, "a\n"])), "class 11 of the labels is 'a ', but 'no class' in"),
])
def test_the_label_info_of_another_model_is_refused(classes, line):
    with _refused(line):
        check_label_info(_label_info(classes), CAMVID_11)


@pytest.mark.parametrize("labels_first", [True, False])
def test_only_labels_and_confidence_of_one_stamp_are_a_pair(labels_first):
    matcher, labels, confidence = StampMatcher(True), _image([[3]], second=2), _image([[9]], second=2)
    matcher.add_confidence(_image([[9]], second=1))
    for add, message in sorted([(matcher.add_labels, labels), (matcher.add_confidence, confidence)],
                               key=lambda one: one[1] is confidence, reverse=not labels_first):
        assert matcher.take() is None
        add(message)
    assert matcher.take() == (labels, confidence)
    assert matcher.take() is None
    assert matcher.add_labels(_image([[3]], second=3)) is None
    assert matcher.add_labels(labels).header.stamp.sec == 3


def test_labels_alone_are_complete_where_no_confidence_is_asked_for():
    matcher = StampMatcher(False)
    matcher.add_labels(LABELS)
    assert matcher.take() == (LABELS, None)
