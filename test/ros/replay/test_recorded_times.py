"""Time goes on from pass to pass."""

import itertools

import numpy as np
import pytest

pytest.importorskip("rosbags", reason="needs rosbags: pip install .[eval]")

from bisenet_core.drives.drive import Frame
from bisenet_ros.replay.recorded_times import frames_to_play


class FakeRecording:
    image = np.zeros((1, 1, 3), np.uint8)

    def __init__(self, times_ns):
        self.times_ns = np.array(times_ns, np.int64)

    def frames(self, with_truth):
        assert not with_truth
        for index, time_ns in enumerate(self.times_ns):
            yield Frame(index, f"{index:06d}", int(time_ns), int(time_ns) - 5, image=self.image)


def test_once_without_loop():
    due = list(frames_to_play(FakeRecording([100, 200, 300]), loop=False))
    assert [(one.index, one.recorded_ns, one.stamp_ns) for one in due] == [
        (0, 100, 95), (1, 200, 195), (2, 300, 295)]


@pytest.mark.parametrize("times, expected", [
    ([100, 200, 300], [100, 200, 300, 400, 500, 600, 700]),
    ([7, 7, 7], [7, 7, 7, 7 + 10**8, 7 + 10**8, 7 + 10**8, 7 + 2 * 10**8]),
    ([0], [0, 10**8, 2 * 10**8, 3 * 10**8, 4 * 10**8, 5 * 10**8, 6 * 10**8]),
])
def test_a_loop_has_one_usual_gap_between_its_passes(times, expected):
    due = list(itertools.islice(frames_to_play(FakeRecording(times), loop=True), 7))
    assert [one.recorded_ns for one in due] == expected
    assert [one.recorded_ns - one.stamp_ns for one in due] == [5] * 7


def test_a_loop_ends_where_no_frame_can_be_read():
    recording = FakeRecording([100, 200])
    recording.image = None
    assert len(list(itertools.islice(frames_to_play(recording, loop=True), 7))) == 2
