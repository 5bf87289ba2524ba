"""Whether the node is ready, at work or gone is told from its diagnostics."""

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: pip install .[ros]")

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue

from bisenet_ros.diagnostics import counts_to_values
from bisenet_ros.frame_account import FrameCounts
from bisenet_ros.replay.node_watch import SILENCE_S, NodeWatch, counts_since

COUNTS = FrameCounts(1, 1, {}, {})


def says(name, state, counts=COUNTS):
    values = dict(counts_to_values(counts), state=state)
    status = DiagnosticStatus(
        name=name, values=[KeyValue(key=key, value=value) for key, value in values.items()])
    return DiagnosticArray(status=[status])


@pytest.mark.parametrize("topic, name", [
    ("/segmentation/labels", "segmentation: image"),
    ("/robot/segmentation/labels", "robot/segmentation: image")])
def test_it_listens_to_the_node_whose_labels_it_hears(topic, name):
    watch = NodeWatch(topic)
    watch.on_diagnostics(says("other/segmentation: image", "active"))
    assert watch.not_active() == "no diagnostics of {} came".format(topic.rsplit("/", 1)[0])
    watch.on_diagnostics(says(name, "inactive"))
    assert watch.not_active().endswith("is inactive, not active")
    watch.on_diagnostics(says(name, "active"))
    assert watch.not_active() == watch.gone() == ""


def test_silence_is_noticed():
    seconds = [0.0]
    watch = NodeWatch("/segmentation/labels", now=lambda: seconds[0])
    watch.on_diagnostics(says("segmentation: image", "active"))
    seconds[0] = SILENCE_S
    assert watch.gone() == ""
    seconds[0] += 0.1
    assert watch.gone() == "/segmentation has been silent for 10 s: it has died, or hangs"


def test_a_restart_of_the_node_takes_nothing_back():
    watch = NodeWatch("/segmentation/labels")

    def hears(*counts):
        watch.on_diagnostics(says("segmentation: image", "active", FrameCounts(*counts)))

    hears(100, 60, {"superseded": 38, "too_old": 2}, {})
    watch.begin()
    assert watch.counts() == FrameCounts(0, 0, {}, {})
    hears(110, 65, {"superseded": 43, "too_old": 2}, {})
    hears(0, 0, {}, {})
    assert watch.counts() == FrameCounts(10, 5, {"superseded": 5}, {})
    hears(150, 100, {"superseded": 49}, {"inference": 1})
    assert watch.counts() == FrameCounts(160, 105, {"superseded": 54}, {"inference": 1})


def test_only_what_came_since_counts():
    before = FrameCounts(10, 5, {"superseded": 3, "no_subscriber": 2}, {})
    after = FrameCounts(20, 9, {"superseded": 8, "no_subscriber": 2}, {"inference": 1})
    assert counts_since(before, after) == FrameCounts(10, 4, {"superseded": 5}, {"inference": 1})
