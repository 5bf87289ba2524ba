"""/diagnostics over real DDS: its pace, and subscribers that cannot match for their deadline."""

import pytest

pytest.importorskip("rclpy", reason="the node needs ROS 2 (pip install .[ros])")

from node_harness import RELIABLE
from rclpy.duration import Duration
from rclpy.qos import QoSProfile, ReliabilityPolicy
from test_segmentation_node import _message, _picture, _send_and_hear


def _qos(**policies):
    return QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE, **policies)


def test_diagnostics_come_about_once_a_second_whatever_comes_in(start_node, observer):
    start_node()
    heard, camera = observer.listen("/segmentation/labels"), observer.camera()
    _send_and_hear(observer, camera, heard, _message(_picture(), second=1))
    seen = len(observer.stamps)

    def a_few():
        camera.publish(_message(_picture(), second=2))
        return len(observer.stamps) >= seen + 6

    observer.wait(a_few, "diagnostics")
    first, *_, last = [stamp.sec + stamp.nanosec / 1e9 for stamp in observer.stamps[seen:seen + 6]]
    assert 2.5 < last - first < 15  # seconds; a machine may be busy


def test_a_subscriber_that_asks_for_a_deadline_is_named(start_node, observer):
    start_node()
    observer.listen("/segmentation/labels", _qos(deadline=Duration(seconds=2)))
    text = "asks 2 s, /segmentation/labels offers "
    status = observer.status(lambda status: text in status.message, text)
    assert status.level == b"\x01"
    assert "change the subscriber's deadline" in status.message
    observer.forget()
    observer.status(lambda status: "change the subscriber's" not in status.message, "its end")


def test_a_camera_that_promises_more_than_we_ask_is_heard(start_node, observer):
    start_node()
    heard = observer.listen("/segmentation/labels", RELIABLE)
    camera = observer.camera(qos=_qos(deadline=Duration(seconds=60)))
    _send_and_hear(observer, camera, heard, _message(_picture(), second=1))
    assert "cannot come" not in observer.status().message
