"""Figures of a measurement, from what the parties say."""

from types import SimpleNamespace

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: pip install .[ros]")

from bisenet_core.errors import InputError
from bisenet_ros.benchmark.measurement import Measurement, cpu_percent, node_times
from bisenet_ros.harness.process_usage import Usage
from bisenet_ros.harness.status import Status

FACTS = {"received": "20", "published": "20", "own_cpu_ms_p50": "1.5"}
FACTS.update({"{}_ms_p{}".format(stage, percent): str(value) for stage, value in (
    ("latency", 50.0), ("wait", 3.0), ("segment", 40.0), ("own", 7.0)) for percent in (50, 99)})


def _measurement(statuses, labels):
    """Of cameras with these facts, of each of which so many labels have come."""
    topics = ["/{}/labels".format(index) for index in range(len(statuses))]
    report = {"latency_ms": {topic: [60.0] * count for topic, count in zip(topics, labels)}}
    measurement = Measurement(SimpleNamespace(
        label_topics=lambda: topics, ask_planner=lambda: report, node=SimpleNamespace(log="node.log"),
        names=["camera{}".format(index) for index in range(len(statuses))],
        statuses=lambda report: [Status(facts, 0.0) for facts in statuses]))
    measurement._listen()
    return measurement


@pytest.mark.parametrize("change, labels, line", [
    ({"received": "0", "published": "0"}, 0, "no image of camera1 has come to the node; see node.log"),
    ({"published": "0", "failed.inference": "20"}, 0, r"no image of camera1 was labelled \(received 20 = .*"
                                                      r"failed 20 \(inference 20\)\); see node.log"),
    ({}, 0, "no labels of camera1 have come to the planner"),
])
def test_a_camera_without_labels_is_named(change, labels, line):
    with pytest.raises(InputError, match=line):
        _measurement([FACTS, dict(FACTS, **change)], [20, labels])._check()
    _measurement([FACTS, FACTS], [20, 20])._check()


def test_the_first_labels_are_no_latencies_as_the_nodes_first_images_have_no_times():
    measurement = _measurement([FACTS], [0])
    measurement._latency_ms["/0/labels"] += [500.0] * 10 + [20.0] * 10
    assert measurement._latency() == {"p50": 20.0, "p99": 20.0}


def test_the_slowest_camera_counts():
    times = node_times([FACTS, dict(FACTS, own_ms_p50="9.0", own_ms_p99="11.0", wait_ms_p99="2.0")])
    assert times == {"receive_to_publish": {"p50": 50.0, "p99": 50.0}, "wait": {"p50": 3.0, "p99": 3.0},
                     "segment": {"p50": 40.0, "p99": 40.0}, "own": {"p50": 9.0, "p99": 11.0}}


@pytest.mark.parametrize("own_cpu, per_cent", [("0.0", 10.0), ("1.5", 11.5), ("150.0", 160.0)])
def test_the_nodes_processor_time_moves_with_its_own_work(own_cpu, per_cent):
    # 2 s, two cameras of 10 images/s in all; 0.2 s of the main thread and Fast DDS
    before, after = Usage(5.0, 1.0, 300.0, 9, 9), Usage(9.0, 1.2, 300.0, 9, 9)
    facts = dict(FACTS, published="10", own_cpu_ms_p50=own_cpu)
    share = cpu_percent({"node": before, "planner": before}, {"node": after, "planner": before}, 2.0,
                        [facts, facts])
    assert share == {"node": 200.0, "planner": 0.0, "node_without_segmenter": pytest.approx(per_cent)}
