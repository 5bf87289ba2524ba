"""/diagnostics over real DDS: its pace, and subscribers that cannot match for their deadline."""

import pytest

pytest.importorskip("rclpy", reason="the node needs ROS 2 (pip install .[ros])")

from node_harness import RELIABLE
from rclpy.clock import ClockType
from rclpy.duration import Duration
from rclpy.qos import QoSProfile, ReliabilityPolicy
from test_segmentation_node import _message, _picture, _send_and_hear


def _qos(**policies):
    return QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE, **policies)


def test_diagnostics_come_once_a_second_whatever_comes_in(run_node, observer, monkeypatch):
    one, published = run_node(quick_reports=False), []
    timer = one.node._diagnostics_timer
    assert (timer.timer_period_ns, timer.clock.clock_type) == (10**9, ClockType.STEADY_TIME)
    monkeypatch.setattr(one.node._diagnostics_publisher, "publish", published.append)
    observer.wait(lambda: published, "diagnostics")
    timer.cancel()
    seen = len(published)
    heard, camera = observer.listen("/segmentation/labels"), observer.camera()
    for second in range(5):
        _send_and_hear(observer, camera, heard, _message(_picture(), second=second))
    assert len(published) == seen  # images give no diagnostics, the timer does
    timer.reset()
    observer.wait(lambda: len(published) > seen, "diagnostics again")


def test_a_subscriber_that_asks_for_a_deadline_is_named_and_one_that_can_match_is_not(run_node, observer):
    run_node()
    observer.listen("/segmentation/labels", _qos(deadline=Duration(seconds=2)))
    text = "asks 2 s, /segmentation/labels offers "
    status = observer.status(lambda status: text in status.message, text)
    assert status.level == b"\x01"
    assert "change the subscriber's deadline" in status.message
    observer.forget()
    observer.status(lambda status: "change the subscriber's" not in status.message, "its end")
    # a camera that promises more than the node asks for
    heard = observer.listen("/segmentation/labels", RELIABLE)
    camera = observer.camera(qos=_qos(deadline=Duration(seconds=60)))
    _send_and_hear(observer, camera, heard, _message(_picture(), second=1))
    assert "cannot come" not in observer.status().message
