"""What a soak makes of the node's and the camera's figures, without their processes."""

import signal
import sys
from array import array
from types import SimpleNamespace

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: pip install .[ros]")

from node_harness import ROOT

from bisenet_core.errors import InputError
from bisenet_ros.frame_account import FrameCounts
from bisenet_ros.harness.node_watch import NodeAccount, NodeWatch

sys.path.insert(0, str(ROOT / "scripts" / "node_load"))

from process_usage import Usage
from soak_chart import draw_soak
from soak_run import Soak

FACTS = {"model": "tiny", "backend": "numpy", "precision": "fp32", "device": "a CPU", "input_size": "96x64"}


class Load:
    """A camera of 10 images between two samples, which the node labels and the planner gets, unless told."""

    def __init__(self):
        self.published = self.samples = self.since_go = 0
        self.labels_lost = lambda sample: False
        self.dies_at = self.camera_dies_at = 0
        self.orders, self.status, self.log = [], 0, "node.log"
        self.cameras, self.node = [SimpleNamespace(send_line=self.orders.append)], self
        self.latency_ms, self.watch = [array("d")], NodeWatch("/segmentation")

    def node_usage(self):
        self.samples += 1
        if self.orders[-1] == "go":
            self.published += 10
            self.since_go += 10
            self.latency_ms[0].extend([] if self.labels_lost(self.samples) else [20.0] * 10)
        self.watch.accounts = [NodeAccount(FrameCounts(self.published, self.published, {}, {}), FACTS)]
        if self.samples == self.dies_at:
            raise InputError("the node ended: killed by SIGKILL; see node.log")
        return Usage(1.0, 0.5, 300.0, 23, 24)

    def sent(self, index):
        if self.samples >= self.camera_dies_at > 0:
            raise InputError("the camera ended: no camera; see camera0.log")
        sent, self.since_go = self.since_go, 0
        return sent

    def replace_camera(self, index):
        assert index == 0
        self.orders.append("replaced")

    def settle(self, sent):
        self.orders.append(f"settled {sent}")

    def stop(self):
        self.orders.append("node stopped")

    def last_error(self):
        return "exit status {}".format(self.status)


def _interrupt(number):
    """What a signal does, without one: test_soak.py sends real ones, to a process of their own."""
    signal.getsignal(number)(number, None)


def _soak(load, on_sample=lambda count: None, samples=5, restart_every=1e3, seconds=1e3):
    """The Soak after so many samples while the camera played, or fewer; ``on_sample`` gets their count."""
    soak = Soak(load, restart_every, sample_every=0.0)

    def count(sample):
        on_sample(len(soak.samples))
        if len(soak.samples) == samples:
            _interrupt(signal.SIGTERM)

    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    try:
        soak.run(seconds, count)
    finally:
        assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
    return soak


def test_a_good_run_has_no_problems_and_says_what_ran():
    load = Load()
    soak = _soak(load)
    summary = soak.summary()
    assert soak.problems == summary["problems"] == []
    assert (summary["sent"], summary["published"], summary["labels_lost"]) == (50, 50, 0)
    assert summary["latency_ms"] == {"p50": 20.0, "p99": 20.0, "max": 20.0}
    assert (summary["runs"]["precision"], summary["runs"]["device"]) == ("fp32", "a CPU")
    assert len(soak.samples) == 6 and all(sample.status_age_s >= 0 for sample in soak.samples)
    assert load.orders == ["go", "stop", "settled 50", "node stopped"]


def test_a_camera_that_is_replaced_is_counted_once():
    load = Load()
    soak = _soak(load, restart_every=0.0)
    assert soak.problems == [] and soak.restarts == 4
    assert soak.sent == soak.summary()["published"] == len(load.latency_ms[0]) == 50
    assert load.orders == ["go", "stop", "replaced"] * 4 + ["go", "stop", "settled 50", "node stopped"]


@pytest.mark.parametrize("at", [1, 3])
def test_a_node_that_dies_is_a_problem_and_what_was_seen_is_kept(tmp_path, at):
    pytest.importorskip("matplotlib", reason="charts need matplotlib: pip install .[train]")
    load = Load()
    load.dies_at = at
    soak = _soak(load)
    assert soak.problems == ["the node ended: killed by SIGKILL; see node.log"]
    assert (len(soak.samples), soak.sent, soak.summary()["published"]) == (at - 1, 10 * at, 10 * at)
    assert all(path.stat().st_size for path in draw_soak(tmp_path, soak.samples, "a node that died"))


def test_a_camera_that_dies_is_a_problem():
    load = Load()
    load.camera_dies_at = 2
    soak = _soak(load, restart_every=0.0)
    assert soak.problems == ["the camera ended: no camera; see camera0.log"]


def test_a_node_that_publishes_nothing_is_a_problem():
    load = Load()
    load.labels_lost = lambda sample: True
    problems = _soak(load).problems
    assert problems[0] == ("after 0 s the node has published labels of 10 images, of which 0 came, "
                           "and none since the last sample")
    assert problems[-1] == "the node published labels of 50 images, only 0 arrived"


def test_a_node_that_falls_silent_is_a_problem_where_few_labels_are_lost():
    load = Load()
    load.labels_lost = lambda sample: sample == 19
    assert len(_soak(load, samples=20).problems) == 1


def test_a_node_that_ends_badly_is_a_problem():
    load = Load()
    load.status = 3
    assert _soak(load).problems == ["the node was stopped and ended: exit status 3; see node.log"]


def test_who_asks_twice_is_not_kept_waiting():
    def ask_twice(count):
        _interrupt(signal.SIGINT)
        _interrupt(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        _soak(Load(), ask_twice)


def test_it_ends_by_itself_when_its_time_is_over():
    load = Load()
    soak = _soak(load, seconds=0.0)
    assert soak.problems == [] and len(soak.samples) == 1
    assert load.orders == ["go", "stop", "settled 0", "node stopped"]
