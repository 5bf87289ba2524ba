"""Labels are scored beside their reception, and what is not scored is counted."""

import threading

import numpy as np
import pytest

pytest.importorskip("rosbags", reason="needs rosbags: pip install .[eval]")

from bisenet_core.labels.label_space import CAMVID_11
from bisenet_ros.replay import live_scorer
from bisenet_ros.replay.live_scorer import BUSY, LiveScorer

LABELS = np.full((4, 6), 3, np.uint8)


class FakeTruth:
    """Image 0 is right, 1 is wrong, 2 has none, 3 has an odd one."""

    def of(self, index, size):
        assert size == LABELS.shape
        return [(LABELS, ""), (LABELS * 0, ""), (None, ""), (None, "ground truth left out: odd")][index]


def test_each_frame_is_scored_or_has_a_reason():
    with LiveScorer(CAMVID_11, FakeTruth()) as scorer:
        for index in (0, 1, 2, 3, 3):
            scorer.add(index, LABELS)
    assert scorer.scores.images == 2 and scorer.scores.as_json()["pixel_accuracy"] == 0.5
    assert scorer.unscored == {"no ground truth": 1, "ground truth left out: odd": 2}


def test_without_truth_nothing_is_said():
    with LiveScorer(CAMVID_11, None) as scorer:
        scorer.add(0, LABELS)
    assert scorer.scores.images == 0 and not scorer.unscored


def test_what_finds_no_room_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(live_scorer, "_WAITING_AT_MOST", 2)
    begun, go_on = threading.Event(), threading.Event()

    class SlowTruth(FakeTruth):
        def of(self, *arguments):
            begun.set()
            assert go_on.wait(30)
            return super().of(*arguments)

    with LiveScorer(CAMVID_11, SlowTruth()) as scorer:
        scorer.add(0, LABELS)
        assert begun.wait(30)
        for _ in range(5):
            scorer.add(0, LABELS)
        go_on.set()
    assert (scorer.scores.images, scorer.unscored) == (3, {BUSY: 3})
