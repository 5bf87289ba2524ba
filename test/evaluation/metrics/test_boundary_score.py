import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bisenet_core.evaluation.metrics.boundary_score import counts, f_score, f_scores

CLASSES, UNKNOWN = 3, 11
SHAPES = st.tuples(st.integers(1, 9), st.integers(1, 9))
PAIRS = SHAPES.flatmap(lambda shape: st.tuples(
    arrays(np.uint8, shape, elements=st.sampled_from([0, 1, 2, 255])),
    arrays(np.uint8, shape, elements=st.sampled_from([0, 0, 1, 1, 2, UNKNOWN, 255]))))


def halves(columns_of_0, width=12):
    """5 rows: class 0 in the first columns, class 1 in the others."""
    return np.repeat((np.arange(width) >= columns_of_0).astype(np.uint8)[None], 5, axis=0)


def test_a_case_worked_by_hand():
    # one pixel of class 1, predicted 1 lower and 2 further right: a distance of sqrt(5), beyond 2
    truth, labels = np.zeros((8, 8), np.uint8), np.zeros((8, 8), np.uint8)
    truth[3, 3] = labels[4, 5] = 1
    # class 0 has the four neighbours; predicted (3, 5) and (4, 4) are 1 from the true (3, 4), which is
    # near both, and (4, 4) is 1 from the true (4, 3); every other pair is farther than 2
    total = counts(labels, truth, 2)
    assert total.tolist() == [[4, 2, 4, 2], [1, 0, 1, 0]]
    assert f_scores(total).tolist() == [0.5, 0.0]
    assert f_score(total) == 0.25


@pytest.mark.parametrize("shift, score", [(0, 1.0), (1, 1.0), (2, 1.0), (3, 0.0)])
def test_an_edge_matches_up_to_two_pixels_away(shift, score):
    assert f_score(counts(halves(4 + shift), halves(4), 2)) == score


def test_precision_and_recall_are_weighed_alike():
    # class 0: 10 predicted of which 5 near, 5 true of which 5 near: P 0.5, R 1, F 2/3
    assert f_scores(np.array([[10, 5, 5, 5]])) == pytest.approx([2 / 3])


def test_classes_without_a_boundary():
    total = np.array([[4, 4, 4, 4], [3, 0, 0, 0], [0, 0, 0, 0], [0, 0, 6, 0]])
    np.testing.assert_equal(f_scores(total), [1.0, 0.0, np.nan, 0.0])
    assert f_score(total) == 0.5  # over the first and the last, which are in the truth
    assert np.isnan(f_score(np.zeros((2, 4), np.int64)))


def test_nothing_is_held_against_a_boundary_in_or_near_unknown_truth():
    truth = halves(4)
    truth[:, 4:6] = UNKNOWN  # as CamVid's annotators leave a strip between things
    for columns in range(3, 8):
        assert not counts(halves(columns), truth, 2).any()
    assert counts(halves(9), truth, 2).tolist() == [[5, 0, 0, 0], [5, 0, 0, 0]]


def brute_force(labels, truth, tolerance):
    """The definition, pixel by pixel."""
    def boundary(ids, known):
        found = set()
        for y, x in np.ndindex(ids.shape):
            for ny, nx in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
                inside = 0 <= ny < ids.shape[0] and 0 <= nx < ids.shape[1]
                if inside and known[y, x] and known[ny, nx] and ids[ny, nx] != ids[y, x]:
                    found.add((y, x))
        return found

    def near(pixel, others):
        return any((pixel[0] - y) ** 2 + (pixel[1] - x) ** 2 <= tolerance**2 for y, x in others)

    known = truth < CLASSES
    unknown = set(zip(*np.nonzero(~known)))
    predicted, true = boundary(labels, np.ones_like(known)), boundary(truth, known)
    result = np.zeros((CLASSES, 4), int)
    for c in range(CLASSES):
        mine, its = {p for p in predicted if labels[p] == c}, {p for p in true if truth[p] == c}
        counted = {p for p in mine if not near(p, unknown)}
        result[c, :2] = len(counted), sum(near(p, its) for p in counted)
        known_around = {p for p in its if not near(p, unknown)}
        result[c, 2:] = len(known_around), sum(near(p, mine) for p in known_around)
    return result


@given(PAIRS, st.integers(0, 3))
def test_counts_agree_with_the_definition(pair, tolerance):
    labels, truth = pair
    assert (counts(labels, truth, CLASSES, tolerance) == brute_force(labels, truth, tolerance)).all()


@given(PAIRS)
def test_labels_that_equal_all_known_truth_are_perfect(pair):
    labels, truth = pair
    perfect = np.where(truth < CLASSES, truth, labels)
    total = counts(perfect, truth, CLASSES)
    assert (total == total[:, :1]).all()
    scores = [*f_scores(total), f_score(total)]
    assert all(score == 1.0 or np.isnan(score) for score in scores)


def test_counts_are_integers_of_any_view():
    labels, truth = np.asfortranarray(halves(5)), halves(24, 24)[:, ::2]
    assert counts(labels, truth, 2).dtype == np.int64
