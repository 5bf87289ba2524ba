"""What a soak makes of the parties' figures, without the parties."""

import signal
from types import SimpleNamespace

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: pip install .[ros]")

from bisenet_core.errors import InputError
from bisenet_ros.harness.process_usage import Usage
from bisenet_ros.harness.status import Status
from bisenet_ros.soak.chart import draw_soak
from bisenet_ros.soak.soak import Soak

FACTS = {"model": "tiny", "backend": "numpy", "precision": "fp32", "device": "a CPU", "input_size": "96x64"}


class Parties:
    """A camera of 10 images between two reports, which the node labels and the planner hears, unless told."""

    def __init__(self):
        self.published = self.reports = self.since_go = 0
        self.labels_lost = lambda report: False
        self.dies_at = self.camera_dies_at = 0
        self.orders, self.status, self.log = [], 0, "node.log"
        self.cameras, self.node = [SimpleNamespace(say=self.orders.append)], self

    def label_topics(self):
        return ["/labels"]

    def ask_planner(self):
        self.reports += 1
        playing = self.orders and self.orders[-1] == "go"
        new = 10 if playing else 0
        self.since_go = self.since_go + new if playing else self.since_go
        self.published += new
        return {"latency_ms": {"/labels": [] if self.labels_lost(self.reports) else [20.0] * new}}

    def statuses(self, report):
        counts = {"received": str(self.published), "published": str(self.published), "pending": "0"}
        return [Status(dict(FACTS, **counts), 0.25)]

    def node_usage(self):
        if self.reports == self.dies_at:
            raise InputError("the node ended: killed by SIGKILL; see node.log")
        return Usage(1.0, 0.5, 300.0, 23, 24)

    def sent(self, index):
        if self.reports >= self.camera_dies_at > 0:
            raise InputError("the camera ended: no camera; see camera0.log")
        sent, self.since_go = self.since_go, 0
        return sent

    def replace_camera(self, index):
        self.orders.append("replaced")

    def settle(self, listen):
        listen()

    def stop(self):
        self.orders.append("node stopped")

    def last_error(self):
        return "exit status {}".format(self.status)


def _interrupt(number):
    """What a signal does, without one: test_soak.py sends real ones, to a process of their own."""
    signal.getsignal(number)(number, None)


def _soak(parties, on_sample=lambda count: None, samples=5, restart_every=1e3):
    """The Soak after so many samples while the camera played, or fewer; ``on_sample`` gets their count."""
    soak = Soak(parties, restart_every, sample_every=0.0)

    def count(sample):
        on_sample(len(soak.samples))
        if len(soak.samples) == samples:
            _interrupt(signal.SIGTERM)

    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    try:
        soak.run(1e3, count)
    finally:
        assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
    return soak


def test_a_good_run_has_no_problems_and_says_what_ran():
    parties = Parties()
    soak = _soak(parties)
    summary = soak.summary()
    assert soak.problems == summary["problems"] == []
    assert (summary["sent"], summary["published"], summary["labels_lost"]) == (50, 50, 0)
    assert summary["latency_ms"] == {"p50": 20.0, "p99": 20.0, "max": 20.0}
    assert (summary["runs"]["precision"], summary["runs"]["device"]) == ("fp32", "a CPU")
    assert [sample.status_age_s for sample in soak.samples] == [0.25] * 6
    assert parties.orders == ["go", "stop", "node stopped"]


def test_a_camera_that_is_replaced_is_counted_once():
    parties = Parties()
    soak = _soak(parties, restart_every=0.0)
    assert soak.problems == [] and soak.restarts == 4
    assert soak.sent == soak.labels == 50
    assert parties.orders == ["go", "stop", "replaced"] * 4 + ["go", "stop", "node stopped"]


@pytest.mark.parametrize("at", [1, 3])
def test_a_node_that_dies_is_a_problem_and_what_was_seen_is_kept(tmp_path, at):
    pytest.importorskip("matplotlib", reason="charts need matplotlib: pip install .[train]")
    parties = Parties()
    parties.dies_at = at
    soak = _soak(parties)
    assert soak.problems == ["the node ended: killed by SIGKILL; see node.log"]
    assert (len(soak.samples), soak.sent, soak.summary()["published"]) == (at - 1, 10 * at, 10 * at)
    assert all(path.stat().st_size for path in draw_soak(tmp_path, soak.samples, "a node that died"))


def test_a_camera_that_dies_is_a_problem():
    parties = Parties()
    parties.camera_dies_at = 2
    soak = _soak(parties, restart_every=0.0)
    assert soak.problems == ["the camera ended: no camera; see camera0.log"]


def test_a_node_that_publishes_nothing_is_a_problem():
    parties = Parties()
    parties.labels_lost = lambda report: True
    problems = _soak(parties).problems
    assert problems[0] == ("after 0 s the node has published labels of 10 images, of which 0 came, "
                           "and none since the last sample")
    assert problems[-1] == "the node published labels of 50 images, only 0 arrived"


def test_a_node_that_falls_silent_is_a_problem_where_few_labels_are_lost():
    parties = Parties()
    parties.labels_lost = lambda report: report == 19
    assert len(_soak(parties, samples=20).problems) == 1


def test_a_node_that_ends_badly_is_a_problem():
    parties = Parties()
    parties.status = 3
    assert _soak(parties).problems == ["the node was stopped and ended: exit status 3; see node.log"]


def test_who_asks_twice_is_not_kept_waiting():
    def ask_twice(count):
        _interrupt(signal.SIGINT)
        _interrupt(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        _soak(Parties(), ask_twice)
