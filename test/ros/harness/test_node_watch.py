"""Whether the node is ready, at work, at rest or gone is told from its diagnostics."""

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: pip install .[ros]")

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue

from bisenet_ros.diagnostics import counts_to_values
from bisenet_ros.frame_account import FrameCounts
from bisenet_ros.harness.node_watch import SILENCE_S, NodeWatch, counts_since

COUNTS = FrameCounts(1, 1, {}, {})
RUNS = {"model": "tiny", "backend": "elsewhere", "precision": "bf16", "device": "a CPU",
        "input_size": "96x64"}


def says(name, state, *counts):
    """Diagnostics of a node's camera with this status name, or with several counts of as many cameras."""
    statuses = []
    for index, one in enumerate(counts or [COUNTS]):
        facts = dict(RUNS, **counts_to_values(one), state=state)
        values = [KeyValue(key=key, value=value) for key, value in facts.items()]
        statuses.append(DiagnosticStatus(name=name.format(index), values=values))
    return DiagnosticArray(status=statuses)


@pytest.mark.parametrize("node, name", [
    ("/segmentation", "segmentation: image"),
    ("/robot/segmentation", "robot/segmentation: image")])
def test_it_listens_to_its_node_alone(node, name):
    watch = NodeWatch(node)
    watch.on_diagnostics(says("other/segmentation: image", "active"))
    assert watch.not_active() == f"no diagnostics of {node} came"
    watch.on_diagnostics(says(name, "inactive"))
    assert watch.not_active().endswith("is inactive, not active")
    watch.on_diagnostics(says(name, "active"))
    assert watch.not_active() == watch.gone() == ""


@pytest.mark.parametrize("changes", [
    {"received": "many"}, {"published": "9" * 9999}, {"received": None}, {"state": None}, {"model": None},
    {"failed.\x1b": "1.5"}], ids=str)
def test_what_others_say_in_the_nodes_name_changes_nothing(changes):
    watch, message = NodeWatch("/segmentation"), says("segmentation: image", "active")
    watch.on_diagnostics(message)
    before = watch.accounts
    values = {one.key: one.value for one in message.status[0].values}
    values.update(changes)
    forged = [KeyValue(key=key, value=value) for key, value in values.items() if value is not None]
    message.status[0].values = forged
    watch.on_diagnostics(message)
    assert watch.accounts is before and watch.heard == 1


def test_silence_is_noticed():
    seconds = [0.0]
    watch = NodeWatch("/segmentation", now=lambda: seconds[0])
    watch.on_diagnostics(says("segmentation: image", "active"))
    seconds[0] = SILENCE_S
    assert watch.gone() == ""
    seconds[0] += 0.1
    assert watch.gone() == "/segmentation has been silent for 10 s: it has died, or hangs"


def test_a_restart_of_the_node_takes_nothing_back():
    watch = NodeWatch("/segmentation")

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


def test_several_cameras_count_together():
    watch, name = NodeWatch("/robot/segmentation", ["camera0", "camera1"]), "robot/segmentation: camera{}"
    watch.on_diagnostics(says(name, "active", COUNTS))
    assert watch.not_active() == "no diagnostics of /robot/segmentation came", "of one camera alone"
    watch.on_diagnostics(says(name, "active", COUNTS, FrameCounts(5, 3, {}, {"x": 1})))
    assert watch.not_active() == "" and [one.counts.received for one in watch.accounts] == [1, 5]
    assert watch.counts() == FrameCounts(6, 4, {}, {"x": 1})


@pytest.mark.parametrize("sent, labels, accounts, messages", [
    (3, 2, [FrameCounts(2, 2, {}, {}), FrameCounts(3, 2, {}, {}), FrameCounts(3, 2, {"old": 1}, {})], 3),
    (3, 2, [FrameCounts(2, 2, {}, {})] * 3, 2),  # one was lost on its way: the second diagnostics would tell
    (3, 2, [FrameCounts(3, 3, {}, {})] * 3, 3),  # labels are on their way, and do not come
    (0, 0, [], 0),
])
def test_an_account_is_at_rest_when_every_image_is_accounted_for_as_far_as_it_can_be(
        sent, labels, accounts, messages):
    watch, coming = NodeWatch("/segmentation"), iter(accounts)

    def hear():
        account = next(coming, None)
        if account is not None:
            watch.on_diagnostics(says("segmentation: image", "active", account))
        return account is None and messages  # gives up after the last

    assert watch.settle(sent, lambda: labels, 30.0, hear)
    assert watch.heard == messages


def test_waiting_for_rest_ends():
    watch = NodeWatch("/segmentation")
    watch.on_diagnostics(says("segmentation: image", "active", FrameCounts(3, 2, {}, {})))
    assert not watch.settle(3, lambda: 2, 0.0)
