"""Where an image's time goes: each stage grows with its own work, and with no other's."""

import time

import pytest

pytest.importorskip("rclpy", reason="the node needs ROS 2 (pip install .[ros])")

from node_fakes import Network, small_message
from test_camera import _camera

from bisenet_ros.frame_account import StageTimes
from bisenet_ros.labelling import this_moment

_WORK_MS = 40.0


def _work():
    """Keep this thread's processor busy: no time is asserted that another process could stretch."""
    started = this_moment().cpu
    while this_moment().cpu < started + _WORK_MS / 1e3:
        pass


def _after_work(function):
    return lambda *arguments: (_work(), function(*arguments))[1]


def _stages(waits=False, read=False, segments=False, publishes=False):
    """The stages of one image of which some cost work."""
    camera, _ = _camera()
    outputs = camera.outputs
    network = Network()
    segment, publish, transport = network.segment, outputs.publish, camera._transport

    def slow_segment(*arguments):
        started = time.monotonic()
        if segments:
            _work()
        answer = segment(*arguments)
        return answer._replace(timings={"total_ms": 1e3 * (time.monotonic() - started)})

    network.segment = slow_segment
    outputs.publish = _after_work(publish) if publishes else publish
    camera._transport = transport._replace(read=_after_work(transport.read) if read else transport.read)
    camera.receive(small_message())
    if waits:
        _work()
    assert camera.serve(network)
    return {stage: times[0] for stage, times in camera.times.by_stage().items()}


@pytest.mark.parametrize("busy, slow", [
    ("waits", {"wait", "latency"}),
    ("read", {"read", "own", "own_cpu", "latency"}),
    ("segments", {"segment", "latency"}),
    ("publishes", {"publish", "own", "own_cpu", "latency"}),
])
def test_a_stage_grows_with_its_own_work(busy, slow):
    stages = _stages(**{busy: True})
    assert {stage for stage in slow if stages[stage] < _WORK_MS} == set()
    # of the processor's time, what is not the node's own is not counted
    assert (stages["own_cpu"] < _WORK_MS) == ("own_cpu" not in slow)


def test_the_stages_add_up():
    stages = _stages(read=True, segments=True, publishes=True)
    assert stages["latency"] == pytest.approx(stages["wait"] + stages["segment"] + stages["own"])
    assert stages["own"] >= stages["read"] + stages["publish"] >= 2 * _WORK_MS


def test_the_first_frames_are_forgotten_once_there_are_others():
    times = StageTimes()
    for value in range(19):
        times.add({"own": value})
    assert times.by_stage() == {"own": list(range(19))}
    times.add({"own": 19})
    assert times.by_stage() == {"own": list(range(10, 20))}
    times.add({"own": 20})
    assert times.by_stage() == {"own": list(range(10, 21))}


def test_without_a_frame_there_are_no_stages():
    assert StageTimes().by_stage() == {}
