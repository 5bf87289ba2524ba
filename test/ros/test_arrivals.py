"""Losses are told from a slow, an irregular and a paused camera by the stamps alone."""

from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="the node needs ROS 2 (pip install .[ros])")

from hypothesis import assume, given
from hypothesis import strategies as st

from bisenet_ros.arrivals import SEGMENT_BYTES, Arrival, find_loss, large_image_loss


@given(st.floats(0.01, 2.0), st.integers(0, 999), st.sampled_from([0.3, 0.4, 0.5, 0.7]))
def test_what_a_regular_camera_lost_is_counted(period, seed, share_that_comes):
    random = np.random.RandomState(seed)
    came = np.flatnonzero(random.random_sample(40) < share_that_comes)[:30]
    stamps = came * period + random.uniform(-0.02, 0.02, len(came)) * period
    gaps = np.diff(came)
    assume(len(gaps) >= 6 and np.count_nonzero(gaps == 1) > 1 and np.count_nonzero(gaps > 1) > 6)
    loss = find_loss(list(1.7e9 + stamps))
    sent = came[-1] - came[0] + 1
    assert (loss.lost, loss.sent) == (sent - len(came), sent)
    assert loss.period_s == pytest.approx(period, rel=0.03)


@pytest.mark.parametrize("stamps", [
    np.arange(30.0), np.arange(30) / 30, 5.0 * np.arange(30),  # slow, and yet all came
    np.arange(30) + np.random.RandomState(0).uniform(-0.2, 0.2, 30),  # jitter
    np.concatenate([np.arange(10), 70 + np.arange(10), 200 + np.arange(9)]),  # pauses
    np.cumsum(np.random.RandomState(1).uniform(0.5, 4, 30)),  # whenever something moves
    np.arange(5) ** 2.0, np.zeros(30), -np.arange(30.0), [],
], ids=lambda stamps: str(len(stamps)))
def test_slow_irregular_and_paused_cameras_lose_nothing(stamps):
    assert find_loss(list(stamps)) is None


def _arrivals(seconds, image_bytes):
    return [Arrival(SimpleNamespace(sec=int(second), nanosec=0), image_bytes) for second in seconds]


def test_only_images_above_the_segment_are_judged():
    seconds = np.cumsum([1, 2, 1, 3, 1, 2, 2, 1])
    assert large_image_loss(_arrivals(seconds, SEGMENT_BYTES)) is large_image_loss([]) is None
    assert large_image_loss(_arrivals(seconds, SEGMENT_BYTES + 1)) == (5, 13, 1.0, SEGMENT_BYTES + 1)
