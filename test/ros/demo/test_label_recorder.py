"""The recorder: what cannot be kept is counted, and is no receipt."""

import errno
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: pip install .[ros]")

from std_msgs.msg import Header

from bisenet_ros.demo.label_recorder import recording
from bisenet_ros.image_messages import labels_to_msg


def _labels(second):
    header = Header()
    header.stamp.sec = second
    return labels_to_msg(np.zeros((4, 6), np.uint8), header)


def test_labels_that_cannot_be_written_are_counted_and_are_no_receipts(ros, tmp_path, monkeypatch):
    with recording(tmp_path) as recorder:
        recorder._on_labels(_labels(1))
        with monkeypatch.context() as patched:
            patched.setattr(Path, "write_bytes", _disk_full)
            recorder._on_labels(_labels(2))
            recorder._on_labels(_labels(3))
        recorder._on_labels(_labels(4))
        assert sorted(recorder.receipts) == [10**9, 4 * 10**9]
        assert all(receipt.path.is_file() for receipt in recorder.receipts.values())
        assert recorder.unwritten == 2
        assert "2000000000.png" in recorder.failure and "No space left on device" in recorder.failure


def _disk_full(path, data):
    raise OSError(errno.ENOSPC, "No space left on device")
