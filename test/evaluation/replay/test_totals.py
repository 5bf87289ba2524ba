import numpy as np

from bisenet_core.evaluation.replay.frame_result import FrameResult
from bisenet_core.evaluation.replay.totals import Totals
from bisenet_core.labels.label_space import LabelSpace

SPACE = LabelSpace("two", ("a", "b"), ((0, 0, 0), (1, 1, 1)))


def added(*frames):
    totals = Totals(SPACE)
    for confusion, driven in frames:
        totals.add(FrameResult(0, 0, 0, confusion=confusion), driven)
    return totals


def test_the_scores_as_driven_are_those_of_the_labelled_frames_alone():
    right, wrong = np.array([[4, 0, 0], [0, 0, 0]]), np.array([[0, 4, 0], [0, 0, 0]])
    totals = added((right, True), (wrong, False), (None, True))
    assert totals.scores_as_driven() == {"scored": 1, "miou": 1.0, "pixel_accuracy": 1.0}
    assert totals.scores()["miou"] == totals.scores()["pixel_accuracy"] == 0.5


def test_nothing_counted_is_none():
    totals = added((None, True))
    values = {**totals.scores(), **totals.scores_as_driven(), **totals.other_metrics("teacher")}
    assert len(values) == 9 and values.pop("scored") == 0 and set(values.values()) == {None}
