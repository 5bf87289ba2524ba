"""The account of frames: every one that was published has exactly one fate."""

from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: pip install .[ros]")

from hypothesis import given
from hypothesis import strategies as st

from bisenet_ros.demo_session import Published, Recording
from bisenet_ros.demo_summary import account_of_frames, latencies_ms, rows, summarise
from bisenet_ros.frame_account import FrameCounts
from bisenet_ros.label_recorder import Receipt
from bisenet_ros.node_account import NodeAccount


def make_recording(published, labelled, dropped=0, failed=0):
    """Image i goes out at i seconds and, if labelled, its labels come 20 ms + i ms later."""
    counts = FrameCounts(published, labelled, {"newer_frame": dropped}, {"truncated": failed})
    return Recording(
        published={index: Published(stamp=1000 + index, sent=float(index)) for index in range(published)},
        receipts={1000 + i: Receipt(i + 0.020 + i / 1000, Path(f"{i}.png")) for i in range(labelled)},
        account=NodeAccount(counts, {}),
        interrupted=False,
        failure=None,
        bad_input=False,
    )


@given(st.integers(0, 50), st.integers(0, 10), st.integers(0, 10), st.integers(0, 10))
def test_every_published_frame_has_one_fate(labelled, dropped, failed, lost):
    recording = make_recording(labelled + dropped + failed + lost, labelled, dropped, failed)
    account = account_of_frames(recording)
    assert account["frames_published"] == sum(
        account[key] for key in ("frames_labelled", "frames_dropped", "frames_failed", "frames_lost")
    )
    assert account["frames_lost"] == lost


def test_latency_is_from_publish_to_receipt():
    summary = summarise(make_recording(11, 11), None, Path("out"))
    assert latencies_ms(make_recording(3, 2)) == pytest.approx({0: 20.0, 1: 21.0})
    assert summary["latency_ms"]["p50"] == pytest.approx(25.0)
    assert summary["fps"] == pytest.approx(11 / 10.03, abs=0.01)
    assert summary["miou"] is None


def test_nothing_labelled_still_gives_a_summary():
    summary = summarise(make_recording(4, 0), None, Path("out"))
    assert summary["latency_ms"] is None and summary["video"] is None and summary["frames_lost"] == 4


def test_table_names_the_reasons():
    summary = summarise(make_recording(10, 5, dropped=3, failed=2), None, Path("out"))
    table = dict(rows(dict(summary, model="m", label_space="l")))
    assert table["  dropped: newer_frame"] == "3" and table["  failed: truncated"] == "2"
