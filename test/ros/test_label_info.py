"""What the ids mean: the message, and when it is said."""

import pytest

pytest.importorskip("rclpy", reason="the node needs ROS 2 (pip install .[ros])")

from builtin_interfaces.msg import Time
from rclpy.clock import Clock
from std_msgs.msg import Header

from bisenet_core.labels.label_space import CAMVID_11
from bisenet_ros import label_info
from bisenet_ros.label_info import LABEL_INFO_QOS, LabelInfoPublisher, label_info_to_msg


class VisionClass:
    def __init__(self, class_id, class_name):
        self.class_id, self.class_name = class_id, class_name


class LabelInfo:
    def __init__(self, threshold):
        self.header, self.class_map, self.threshold = Header(), [], threshold


class Node:
    """A node that notes what is published."""

    def __init__(self):
        self.topics, self.sent = [], []

    def create_publisher(self, kind, topic, qos):
        assert qos is LABEL_INFO_QOS
        self.topics.append(topic)
        return self

    def destroy_publisher(self, publisher):
        self.topics.pop()

    def publish(self, message):
        self.sent.append(message)

    def get_clock(self):
        return Clock()


@pytest.fixture
def stand_ins(monkeypatch):
    """Classes with the fields of vision_msgs, which is not on PyPI."""
    monkeypatch.setattr(label_info, "LabelInfo", LabelInfo)
    monkeypatch.setattr(label_info, "VisionClass", VisionClass)


def test_the_message_names_every_class(stand_ins):
    message = label_info_to_msg(CAMVID_11, 0.25, Time(sec=5))
    assert [(one.class_id, one.class_name) for one in message.class_map] == list(enumerate(CAMVID_11.classes))
    assert (message.threshold, message.header.stamp.sec) == (0.25, 5)


def test_it_is_said_once_and_again_when_it_changes(stand_ins):
    node = Node()
    publisher = LabelInfoPublisher(node, CAMVID_11, "front/")
    for min_confidence in (0.0, 0.0, 0.5, 0.5, 0.0):
        publisher.publish(min_confidence)
    assert [message.threshold for message in node.sent] == [0.0, 0.5, 0.0]
    assert node.topics == ["~/front/label_info"]
    publisher.close()
    assert not node.topics


def test_without_vision_msgs_nothing_is_said(monkeypatch):
    monkeypatch.setattr(label_info, "LabelInfo", None)
    node = Node()
    publisher = LabelInfoPublisher(node, CAMVID_11)
    publisher.publish(0.5)
    publisher.close()
    assert not node.topics and not node.sent
