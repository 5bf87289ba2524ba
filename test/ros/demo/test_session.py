"""A drive is played from its first frame on; labels that cannot be kept are counted, others left out."""

import errno
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: pip install .[ros]")

from std_msgs.msg import Header

from bisenet_core.drives.drive import Drive, Frame
from bisenet_core.errors import InputError
from bisenet_ros.demo.session import LabelRecorder, _from_zero
from bisenet_ros.harness.live_account import LiveAccount, Sent
from bisenet_ros.harness.player import to_stamp
from bisenet_ros.image_messages import labels_to_msg


class FakeDrive(Drive):
    def __init__(self, frames):
        self._frames = frames

    def __len__(self):
        return len(self._frames)

    def frames(self, start=0, stop=None):
        return iter(self._frames)

    def explain(self, frame):
        return f"drive.mcap: {frame.problem}"


def test_a_bag_is_played_from_its_first_frame_on():
    frames = [Frame(index, str(index), 1_700_000_000_000_000_000 + index, 5) for index in range(3)]
    played = _from_zero(FakeDrive(frames), strict=False)
    assert [(one.recorded_ns, one.stamp_ns) for one in played] == [(0, 5), (1, 5), (2, 5)]


def test_a_frame_that_cannot_be_read_names_its_file_or_ends_a_strict_playing():
    drive = FakeDrive([Frame(0, "0", 7, 5), Frame(1, "1", 8, 6, problem="damaged")])
    assert [one.problem for one in _from_zero(drive, strict=False)] == ["", "drive.mcap: damaged"]
    with pytest.raises(InputError, match="drive.mcap: damaged"):
        list(_from_zero(drive, strict=True))


def test_labels_that_cannot_be_written_are_counted_and_are_not_kept(tmp_path, monkeypatch):
    account = LiveAccount()
    recorder = LabelRecorder(tmp_path, account)
    for index in range(4):
        account.send(index, Sent(index, f"frame{index}", at=0.0), 0.0)

    def comes(stamp):
        recorder.on_labels(0, labels_to_msg(np.zeros((4, 6), np.uint8), Header(stamp=to_stamp(stamp))))

    comes(0)
    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", _disk_full)
        comes(1)
        comes(2)
    comes(3)
    comes(99)
    assert sorted(recorder.latency_ms) == [0, 3]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["frame0.png", "frame3.png"]
    assert recorder.unwritten == 2 and account.labelled == 4 and account.figures().strays == 1
    assert "frame1.png" in recorder.failure and "No space left on device" in recorder.failure


def _disk_full(path, data):
    raise OSError(errno.ENOSPC, "No space left on device")
