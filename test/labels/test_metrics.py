import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bisenet_core.errors import InputError
from bisenet_core.labels.metrics import ConfusionMatrix, class_counts, iou, miou

CLASSES, IGNORE = 4, 11
TRUTH_IDS = st.sampled_from([0, 1, 2, 3, IGNORE, 255])
LABEL_IDS = st.sampled_from([0, 1, 2, 3, 255])


def label_pairs():
    sides = st.integers(1, 6)
    return st.tuples(sides, sides).flatmap(lambda shape: st.tuples(
        arrays(np.uint8, shape, elements=LABEL_IDS), arrays(np.uint8, shape, elements=TRUTH_IDS)))


def test_a_case_worked_by_hand():
    truth = np.array([[0, 0, 0, 1, 1], [1, 2, 2, IGNORE, 255]], np.uint8)
    labels = np.array([[0, 0, 1, 1, 255], [0, 2, 2, 3, 0]], np.uint8)
    scores = ConfusionMatrix(CLASSES, IGNORE).update(labels, truth)
    assert scores.matrix.tolist() == [[2, 1, 0, 0], [1, 1, 0, 0], [0, 0, 2, 0], [0, 0, 0, 0]]
    assert scores.missed.tolist() == [0, 1, 0, 0]
    assert scores.pixels == 8
    # class 0: 2 hits, 1 false alarm, 1 miss; class 1: 1 hit, 1 false alarm, 2 misses, one of them unlabelled
    np.testing.assert_allclose(scores.iou(), [2 / 4, 1 / 4, 1.0, np.nan])
    assert scores.miou() == pytest.approx((0.5 + 0.25 + 1.0) / 3)
    assert scores.pixel_accuracy() == pytest.approx(5 / 8)


def test_a_class_only_ever_predicted_has_iou_0_and_stays_out_of_the_mean():
    scores = ConfusionMatrix(2, 255).update(np.array([0, 1]), np.array([0, 0]))
    assert scores.iou().tolist() == [0.5, 0.0]
    assert scores.miou() == 0.5


def test_nothing_scored_gives_nan():
    scores = ConfusionMatrix(CLASSES, IGNORE).update(np.zeros(2, np.uint8), np.array([IGNORE, 255], np.uint8))
    assert np.isnan(scores.iou()).all() and np.isnan(scores.miou()) and np.isnan(scores.pixel_accuracy())


@given(label_pairs())
def test_counts_agree_with_counting_pixel_by_pixel(pair):
    labels, truth = pair
    scores = ConfusionMatrix(CLASSES, IGNORE).update(labels, truth)
    for true_id in range(CLASSES):
        for predicted in range(CLASSES):
            assert scores.matrix[true_id, predicted] == np.sum((truth == true_id) & (labels == predicted))
        assert scores.missed[true_id] == np.sum((truth == true_id) & (labels == 255))


@given(st.lists(label_pairs(), min_size=1, max_size=4))
def test_merging_parts_equals_counting_the_whole(pairs):
    whole = ConfusionMatrix(CLASSES, IGNORE)
    merged = ConfusionMatrix(CLASSES, IGNORE)
    for labels, truth in pairs:
        whole.update(labels, truth)
        merged.merge(ConfusionMatrix(CLASSES, IGNORE).update(labels, truth))
    assert (whole.matrix == merged.matrix).all() and (whole.missed == merged.missed).all()


@given(label_pairs())
def test_truth_against_itself_is_perfect(pair):
    truth = pair[1]
    scores = ConfusionMatrix(CLASSES, IGNORE).update(truth, truth)
    assert scores.pixels == 0 or scores.miou() == scores.pixel_accuracy() == 1.0


@pytest.mark.parametrize("labels, truth, message", [
    (np.zeros((2, 3), np.uint8), np.zeros((3, 2), np.uint8), "labels are 2x3 and truth is 3x2"),
    (np.zeros(2, np.uint8), np.array([0, 7], np.uint8), "ground truth contain id 7"),
    (np.array([0, 9], np.uint8), np.zeros(2, np.uint8), "labels contain id 9"),
    (np.array([0, 300]), np.zeros(2, np.uint8), "integers from 0 to 255"),
    (np.zeros(2, np.float32), np.zeros(2, np.uint8), "float32"),
])
def test_bad_labels_are_refused_and_nothing_is_counted(labels, truth, message):
    scores = ConfusionMatrix(CLASSES, IGNORE)
    with pytest.raises(InputError, match=message):
        scores.update(labels, truth)
    assert scores.pixels == 0


def test_matrices_of_other_classes_do_not_merge():
    with pytest.raises(InputError, match="cannot merge"):
        ConfusionMatrix(CLASSES, IGNORE).merge(ConfusionMatrix(CLASSES, 255))


@given(st.lists(label_pairs(), min_size=1, max_size=4))
def test_many_matrices_at_once_score_as_each_by_itself(pairs):
    scores = [ConfusionMatrix(CLASSES, IGNORE).update(*pair) for pair in pairs]
    counts = np.stack([each.counts for each in scores])
    parts = class_counts(counts)
    np.testing.assert_array_equal(iou(*parts), [each.iou() for each in scores])
    np.testing.assert_array_equal(miou(*parts), [each.miou() for each in scores])
