"""Recorded time runs at its rate, stands while paused, and goes on from there."""

import threading

import pytest

from bisenet_ros.harness.player import Timeline

START_NS = 10**18


class FakeClock:
    def __init__(self):
        self.seconds = 100.0

    def __call__(self):
        return self.seconds


@pytest.fixture
def clock():
    return FakeClock()


def position_s(timeline):
    return (timeline.position_ns() - START_NS) / 1e9


def test_it_stands_until_it_runs(clock):
    timeline = Timeline(2.0, START_NS, clock)
    clock.seconds += 5
    assert position_s(timeline) == 0 and not timeline.wait_until(START_NS, timeout_s=0)
    timeline.run()
    assert timeline.wait_until(START_NS, timeout_s=0)


@pytest.mark.parametrize("rate", [0.1, 1.0, 10.0])
def test_it_runs_at_its_rate_but_for_pauses(clock, rate):
    timeline = Timeline(rate, START_NS, clock)
    timeline.run()
    clock.seconds += 3
    timeline.pause(True)
    clock.seconds += 50
    assert position_s(timeline) == pytest.approx(3 * rate)
    assert not timeline.wait_until(START_NS, timeout_s=0), "nothing is due while it stands"
    timeline.pause(False)
    timeline.pause(False)  # once more changes nothing
    clock.seconds += 2
    assert position_s(timeline) == pytest.approx(5 * rate)
    assert timeline.late_s(START_NS) == pytest.approx(5), "in the computer's seconds, pauses left out"


def test_paused_before_it_runs_it_waits_for_both(clock):
    timeline = Timeline(1.0, START_NS, clock)
    timeline.pause(True)
    timeline.run()
    clock.seconds += 1
    assert position_s(timeline) == 0
    timeline.pause(False)
    clock.seconds += 1
    assert position_s(timeline) == 1


def test_resuming_wakes_whoever_waits():
    timeline = Timeline(1.0, START_NS)
    timeline.pause(True)
    timeline.run()
    heard = []
    thread = threading.Thread(target=lambda: heard.append(timeline.wait_until(START_NS, timeout_s=60)))
    thread.start()
    timeline.pause(False)
    thread.join(30)
    assert heard == [True]
