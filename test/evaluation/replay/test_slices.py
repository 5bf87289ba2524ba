"""Slices are compared with the whole over the classes that they show."""

import numpy as np
import pytest

from bisenet_core.evaluation.replay.frame_result import FrameResult
from bisenet_core.evaluation.replay.slices import WHOLE, compare_slices
from bisenet_core.evaluation.replay.totals import Totals
from bisenet_core.labels.label_space import LabelSpace
from bisenet_core.reports.replay.headline import slice_table

SPACE = LabelSpace("two", ("a", "b"), ((0, 0, 0), (1, 1, 1)), 255)


def totals(**slices):
    """Totals of the slices by tag "place" and of all together, each of frames' keyword arguments."""
    counted = {WHOLE: Totals(SPACE)}
    for name, frames in slices.items():
        counted["place", name] = Totals(SPACE)
        for frame in frames:
            for key in (WHOLE, ("place", name)):
                counted[key].add(FrameResult(0, 0, 0, **frame), driven=False)
    return counted


def scored(*rows):
    return {"confusion": np.array(rows, np.int64)}


def test_a_slice_without_the_hard_class_is_not_better_for_that():
    found = compare_slices(totals(
        road=[scored([80, 0, 20], [0, 0, 0])], town=[scored([820, 0, 80], [0, 50, 50])]), None)
    road, town = found["slices"]
    assert road["value"] == "road", "the worst is the first"
    assert road["figures"]["iou"] == 0.8 and road["difference"] == pytest.approx(-0.1)  # of all: 0.9 and 0.5
    assert town["figures"]["iou"] == round((820 / 900 + 0.5) / 2, 6) < 0.8
    assert found["compared_by"] == "iou" and found["worst"] == [
        "place road: Mean IoU 80.0\u00a0%, 10.00 points below all frames in its classes, over 1 frame"]


def test_without_truth_it_is_the_teacher_or_else_how_steady_labels_are():
    steady, restless = ({"temporal": np.array([[100, n], [0, 0]])} for n in (1, 20))
    found = compare_slices(totals(day=[steady, {}], night=[restless, {}]), None)
    assert found["compared_by"] == "consistency" and [one["frames"] for one in found["slices"]] == [2, 2]
    (worst,) = found["worst"]
    assert worst.startswith("place night: Temporal consistency 80.0\u00a0%, ")
    agreed = {"teacher": np.array([[90, 10, 0], [0, 0, 0]])}
    found = compare_slices(totals(day=[steady | agreed], night=[restless]), "big")
    assert found["compared_by"] == "teacher_agreement" and not found["worst"], "there is one to compare"
    assert found["slices"][1]["difference"] is None


def test_where_nothing_was_measured_nothing_is_compared():
    found = compare_slices(totals(day=[{}], night=[{}]), None)
    assert found["compared_by"] is None and found["worst"] == [] and len(found["slices"]) == 2
    assert not any([*slice_table(found).values(), *slice_table(None).values()])


def test_the_table_has_the_worst_first_and_those_of_which_nothing_is_known_last():
    good, bad = scored([90, 0, 10], [0, 0, 0]), scored([50, 0, 50], [0, 0, 0])
    found = slice_table(compare_slices(totals(unknown=[{}], good=[good], bad=[bad]), None))
    assert found["slice_headings"][2:] == ("Against all", "Mean IoU", "Pixel accuracy", "Boundary score")
    assert found["slice_rows"] == [("place bad", "1", "-20.00", "50.0", "50.0", "–"),
                                   ("place good", "1", "+20.00", "90.0", "90.0", "–"),
                                   ("place unknown", "1", "–", "–", "–", "–")]
