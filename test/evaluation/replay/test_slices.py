"""Slices are compared with the whole over the classes that they show."""

import numpy as np
import pytest

from bisenet_core.evaluation.replay.evaluated_drive import EvaluatedDrive
from bisenet_core.evaluation.replay.measures import measure
from bisenet_core.evaluation.replay.slices import compare_slices
from bisenet_core.labels.metrics import class_counts
from bisenet_core.reports.replay.headline import slice_tables


def drive_of(frames):
    """An evaluation of two classes; of each frame its counts by name, 0 where it lacks what others have."""
    shapes = {name: np.shape(array) for frame in frames for name, array in frame.items()} | {"truth": (3, 2)}
    counts = {name: np.array([frame.get(name, np.zeros(shape, np.int64)) for frame in frames], np.int64)
              for name, shape in shapes.items()}
    nothing, scored = np.zeros(len(frames), np.int64), np.array(["truth" in frame for frame in frames])
    return EvaluatedDrive("", {"classes": ["a", "b"]}, scored, nothing, nothing, nothing, nothing, counts)


def compared(**slices):
    """Slices by the tag "place", each of frames' counts."""
    rows = [{"place": name} for name, frames in slices.items() for _ in frames]
    frames = [frame for of_slice in slices.values() for frame in of_slice]
    return compare_slices(drive_of(frames), rows, ["place"])


def scored(*rows):
    return {"truth": class_counts(np.array(rows, np.int64))}


def test_a_slice_without_the_hard_class_is_not_better_for_that():
    found = compared(road=[scored([80, 0, 20], [0, 0, 0])], town=[scored([820, 0, 80], [0, 50, 50])])
    road, town = found["slices"]
    assert road["value"] == "road", "the worst is the first"
    assert road["figures"]["iou"] == 0.8 and road["difference"] == pytest.approx(-0.1)  # of all: 0.9 and 0.5
    assert town["figures"]["iou"] == round((820 / 900 + 0.5) / 2, 6) < 0.8
    assert found["compared_by"] == "iou" and found["worst"] == [
        "place road: Mean IoU 80.0\u00a0%, 10.00 points below all frames in its classes, over 1 frame"]


def test_without_truth_it_is_the_teacher_or_else_how_steady_labels_are():
    steady, restless = ({"temporal": np.array([[100, n], [0, 0]])} for n in (1, 20))
    found = compared(day=[steady, {}], night=[restless, {}])
    assert found["compared_by"] == "consistency" and [one["frames"] for one in found["slices"]] == [2, 2]
    (worst,) = found["worst"]
    assert worst.startswith("place night: Temporal consistency 80.0\u00a0%, ")
    agreed = {"teacher": class_counts(np.array([[90, 10, 0], [0, 0, 0]]))}
    found = compared(day=[steady | agreed], night=[restless])
    assert found["compared_by"] == "teacher_agreement" and not found["worst"], "there is one to compare"
    assert found["slices"][1]["difference"] is None


def test_where_nothing_was_measured_nothing_is_compared():
    found = compared(day=[{}], night=[{}])
    assert found["compared_by"] is None and found["worst"] == [] and len(found["slices"]) == 2
    assert slice_tables(found) == slice_tables(None) == []


def test_the_table_has_the_worst_first_and_those_of_which_nothing_is_known_last():
    good, bad = scored([90, 0, 10], [0, 0, 0]), scored([50, 0, 50], [0, 0, 0])
    ((title, headings, rows),) = slice_tables(compared(unknown=[{}], good=[good], bad=[bad]))
    assert title == "By place" and headings == ("", "Frames", "Against all", "Mean IoU", "Pixel accuracy")
    assert rows == [("bad", "1", "-20.00", "50.0", "50.0"), ("good", "1", "+20.00", "90.0", "90.0"),
                    ("unknown", "1", "–", "–", "–")]


def test_bands_are_in_their_order_and_the_worst_of_each_kind_is_named():
    distance, objects = np.zeros((5, 3, 2), np.int64), np.zeros((5, 2, 4), np.int64)
    distance[:3, :, 0] = [[60, 100, 80], [95, 100, 95], [80, 100, 100]]  # IoU 60/120, 95/100, 80/120
    objects[0], objects[4, 1] = [[8, 2, 80, 25], [0, 0, 0, 0]], [2, 2, 400, 300]
    frame = {"truth": distance.sum(axis=0), "distance": distance, "objects": objects}
    found = compare_slices(drive_of([frame, {}]), [], [])
    assert [(one["by"], one["value"], one["frames"]) for one in found["slices"]] == [
        ("distance", "0-10 m", 1), ("distance", "10-20 m", 1), ("distance", "20-40 m", 1),
        ("object height", "1-15 px", 1), ("object height", "128+ px", 1)]
    assert [one["difference"] for one in found["slices"]] == pytest.approx(
        [0.5 - 235 / 340, 0.95 - 235 / 340, 80 / 120 - 235 / 340, 0.25 - 0.4, 1 - 0.4], abs=1e-6)
    near, tall = found["slices"][0], found["slices"][4]
    assert near["figures"] == {"iou": 0.5, "pixel_accuracy": 0.6} and near["iou"] == {"a": 0.5, "b": None}
    assert tall["figures"] == {"object_recall": 1.0, "object_pixel_recall": 0.75} and tall["objects"] == 2
    assert tall["object_recall"] == {"a": None, "b": 1.0}
    assert found["worst"] == [
        "distance 0-10 m: Mean IoU 50.0\u00a0%, 19.12 points below all frames in its classes, over 1 frame",
        "object height 1-15 px: Objects found 25.0\u00a0%, 15.00 points below all of them, over 8 objects"]
    tables = {title: (headings, rows) for title, headings, rows in slice_tables(found)}
    assert tables["By distance"][1][0] == ("0-10 m", "1", "-19.12", "50.0", "60.0")
    assert tables["By object height"] == (
        ("", "Objects", "Against all", "Objects found", "Pixels of objects", "a", "b"),
        [("1-15 px", "8", "-15.00", "25.0", "31.2", "25.0", "–"),
         ("128+ px", "2", "+60.00", "100.0", "75.0", "–", "100.0")])


def test_a_teacher_is_scored_like_truth_with_an_example_worked_by_hand():
    # ours 0 0 1 none 1 1, teacher 0 0 0 1 1 none
    found = measure(drive_of([{"teacher": class_counts(np.array([[2, 1, 0], [0, 1, 1]]))}]))
    assert found["teacher_agreement"].tolist() == [[0.6]]
    assert found["teacher_iou"].tolist() == [[0.5, pytest.approx(2 / 3), pytest.approx(1 / 3)]]


def test_live_scores_are_those_of_the_frames_that_would_have_been_labelled():
    frames = drive_of([scored([4, 0, 0], [0, 0, 0]), scored([0, 4, 0], [0, 0, 0]), {}])
    frames.driven[[0, 2]] = 1
    found = measure(frames)
    assert found["iou_live"].tolist() == found["pixel_accuracy_live"].tolist() == [[1.0]]
    assert found["iou"][0, 0] == found["pixel_accuracy"][0, 0] == 0.5
