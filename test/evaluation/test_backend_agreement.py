"""Agreement of two labelings."""

import numpy as np
import pytest

from bisenet_core.evaluation.backend_agreement import widest_tie
from bisenet_core.runtime.postprocessing import HALF_PIXEL, UPSAMPLINGS


def test_margin_of_a_disagreement_hand_worked():
    # two classes on a 1x1 grid: 3 against 1 everywhere, so taking class 1 anywhere costs 2
    scores = np.array([[[3.0]], [[1.0]]], np.float32)
    found = np.zeros((4, 6), np.uint8)
    other = found.copy()
    assert widest_tie(scores, (8, 8), found, other, HALF_PIXEL) == 0
    other[2, 5] = 1
    assert widest_tie(scores, (8, 8), found, other, HALF_PIXEL) == pytest.approx(2.0)


def test_labels_that_are_wrong_at_full_size_are_no_near_tie():
    # equal scores on the coarse grid would hide a backend that upsamples wrongly
    scores = np.random.default_rng(0).normal(0, 5, (3, 4, 4)).astype(np.float32)
    found = scores.argmax(0).astype(np.uint8).repeat(8, 0).repeat(8, 1)
    for upsampling in UPSAMPLINGS:
        assert widest_tie(scores, (32, 32), found, np.roll(found, 16, axis=1), upsampling) > 1
