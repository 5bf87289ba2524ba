"""Figures of a measurement, from what the node's diagnostics say and what has come."""

import sys

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: pip install .[ros]")

from node_harness import ROOT

from bisenet_ros.diagnostics import counts_from_values
from bisenet_ros.harness.node_watch import NodeAccount

sys.path.insert(0, str(ROOT / "scripts" / "node_load"))

from executors import cell
from measurement import cpu_percent, latency_of_kept, node_times, why_unlabelled
from process_usage import Usage

FACTS = {"received": "20", "published": "20", "own_cpu_ms_p50": "1.5"}
FACTS.update({"{}_ms_p{}".format(stage, percent): str(value) for stage, value in (
    ("latency", 50.0), ("wait", 3.0), ("segment", 40.0), ("own", 7.0)) for percent in (50, 99)})


def account(**changes):
    facts = dict(FACTS, **changes)
    return NodeAccount(counts_from_values(facts), facts)


@pytest.mark.parametrize("changes, labels, line", [
    ({"received": "0", "published": "0"}, 0, "no image of left has come to the node"),
    ({"published": "0", "failed.inference": "20"}, 0,
     "no image of left was labelled (received 20 = published 0 + dropped 0 + failed 20 (inference 20))"),
    ({}, 0, "no labels of left have come to the planner (received 20 = published 20 + dropped 0 + failed 0)"),
    ({}, 20, ""),
])
def test_a_camera_without_labels_is_named(changes, labels, line):
    assert why_unlabelled("left", account(**changes), labels) == line


def test_the_first_labels_are_no_latencies_as_the_nodes_first_images_have_no_times():
    assert latency_of_kept([[500.0] * 10 + [20.0] * 10]) == {"p50": 20.0, "p99": 20.0}


def test_the_slowest_camera_counts():
    times = node_times([account(), account(own_ms_p50="9.0", own_ms_p99="11.0", wait_ms_p99="2.0")])
    assert times == {"receive_to_publish": {"p50": 50.0, "p99": 50.0}, "wait": {"p50": 3.0, "p99": 3.0},
                     "segment": {"p50": 40.0, "p99": 40.0}, "own": {"p50": 9.0, "p99": 11.0}}


@pytest.mark.parametrize("own_cpu, per_cent", [("0.0", 10.0), ("1.5", 11.5), ("150.0", 160.0)])
def test_the_nodes_processor_time_moves_with_its_own_work(own_cpu, per_cent):
    # 2 s, two cameras of 10 images/s in all; 0.2 s of the main thread and Fast DDS
    before, after = Usage(5.0, 1.0, 300.0, 9, 9), Usage(9.0, 1.2, 300.0, 9, 9)
    accounts = [account(published="10", own_cpu_ms_p50=own_cpu)] * 2
    share = cpu_percent({"node": before, "planner": before}, {"node": after, "planner": before}, 2.0,
                        accounts)
    assert share == {"node": 200.0, "planner": 0.0, "node_without_segmenter": pytest.approx(per_cent)}


def test_cpu_time_of_a_frame_with_an_executor():
    runs = [{"seconds": 5.0, "received": received, "published": 45, "sent": 50,
             "cpu_percent": {"node": 30.0, "node_without_segmenter": 10.0}} for received in (50, 60)]
    # 1.5 s for 50 frames and for 60
    assert cell(runs) == "25.00 / 27.50 (8.33 / 9.17), 90%"
