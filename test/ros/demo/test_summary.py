"""The account of frames: every one that was published has exactly one fate."""

from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: pip install .[ros]")

from hypothesis import given
from hypothesis import strategies as st

from bisenet_ros.demo.session import Playing
from bisenet_ros.demo.summary import (
    account_of_frames,
    disagreements,
    rows,
    summarise,
    unaccounted,
    what_limited,
)
from bisenet_ros.frame_account import FrameCounts
from bisenet_ros.harness.node_watch import NodeAccount


def make_playing(published, labelled, dropped=0, failed=0, unwritten=0, received=None, sent_back=None):
    """Image i is sent at i seconds and, if labelled, its labels come 20 ms + i ms later."""
    counts = FrameCounts(published if received is None else received,
                         labelled + unwritten if sent_back is None else sent_back,
                         {"newer_frame": dropped}, {"truncated": failed})
    return Playing(
        published=published, latency_ms={index: 20.0 + index for index in range(labelled)},
        seconds=max(0, labelled - 1) * 1.001 + 0.020, received=labelled + unwritten, unwritten=unwritten,
        account=NodeAccount(counts, {}), interrupted=False, left_out=[], failure=None, bad_input=False)


FATES = ("frames_labelled", "frames_dropped", "frames_failed", "frames_unwritten", "frames_lost")
few = st.integers(0, 10)


@given(st.integers(0, 50), few, few, few, few)
def test_every_published_frame_has_one_fate(labelled, dropped, failed, unwritten, lost):
    total = labelled + dropped + failed + unwritten + lost
    playing = make_playing(total, labelled, dropped, failed, unwritten)
    account = account_of_frames(playing)
    assert account["frames_published"] == sum(account[key] for key in FATES)
    assert account["frames_lost"] == lost
    assert (unaccounted(playing) is None) == (total == 0 or labelled > 0 and lost == 0)


@pytest.mark.parametrize("playing, line", [
    (make_playing(0, 0), None),
    (make_playing(10, 8, dropped=2), None),
    (make_playing(10, 10)._replace(left_out=["a"]), None),
    (make_playing(0, 0)._replace(left_out=["a", "b"]), "none of its 2 images can be read"),
    (make_playing(10, 9, received=9),
     "frames unaccounted for: 1; 10 images were sent, the node received 9"),
    (make_playing(10, 7, sent_back=10),
     "frames unaccounted for: 3; the node published labels of 10 images, 7 arrived"),
    (make_playing(10, 9), "frames unaccounted for: 1; 1 images were still in work at the end"),
    (make_playing(10, 0, failed=10), "not one label came back for 10 frames"),
    (make_playing(10, 9)._replace(account=None),
     "frames unaccounted for: 1; the node gave no account of its frames"),
])
def test_what_is_unaccounted_for_is_said_and_where_it_was_lost(playing, line):
    assert unaccounted(playing) == line


def test_counts_that_cancel_out_are_still_noted():
    """A label too many and one too few would add up."""
    playing = make_playing(10, 9, dropped=1, received=10, sent_back=10)
    assert unaccounted(playing) is None
    assert "the node published labels of 10 images, 9 arrived" in disagreements(playing)


def test_latency_and_pace():
    summary = summarise(make_playing(11, 11), None, Path("out"))
    assert summary["latency_ms"]["p50"] == pytest.approx(25.0)
    assert summary["fps"] == pytest.approx(11 / 10.03, abs=0.01)
    assert summary["miou"] is None


def test_nothing_labelled_still_gives_a_summary():
    summary = summarise(make_playing(4, 0), None, Path("out"))
    assert summary["latency_ms"] is None and summary["video"] is None and summary["frames_lost"] == 4


def test_table_names_the_reasons():
    summary = summarise(make_playing(10, 5, dropped=3, failed=2), None, Path("out"))
    table = dict(rows(dict(summary, model="m", label_space="l", miou=0.5, seen_in_training="seen")))
    assert table["mean IoU"] == "50.0%; seen"
    assert table["  dropped: newer_frame"] == "3" and table["  failed: truncated"] == "2"


RAN = {"precision": "fp32", "backend": "openvino", "device": "a CPU", "backend_reason": "auto"}


@pytest.mark.parametrize("takes, precision, said, helps", [
    (160, "fp32", "takes 160 ms (p50) in fp32, and one came every 67 ms",
     ['--rate 5"', "a smaller input", "precision bf16 or int8"]),
    (90, "int8", "in int8", ['--rate 10"', "a smaller input"]),
    (50, "int8", "one came every 67 ms; at times other programs", ['--rate 13"'])])
def test_superseded_frames_are_explained(takes, precision, said, helps):
    node = dict(RAN, precision=precision, segment_ms_p50=str(takes))
    (_, limited), (_, advice) = what_limited(node, 15.0)
    assert said in limited and all(one in advice for one in helps)
    assert advice.count(",") == len(helps) - 1 + advice.count("bf16 or int8,")
    assert what_limited(RAN, 15.0) == what_limited(node, None) == []  # a bag of equal stamps has no rate


def test_the_table_says_what_ran_and_what_limited_it_only_where_frames_were_superseded():
    summary = dict(summarise(make_playing(10, 7, dropped=3), None, Path("out")), model="m", label_space="l",
                   seen_in_training=None, rate=15.0, node=dict(RAN, segment_ms_p50="160.0"))
    table = dict(rows(summary))
    assert table["ran in"] == "fp32 on openvino, a CPU" and "what limited it" not in table
    assert "what would help" in dict(rows(dict(summary, dropped_by_reason={"superseded": 3})))
