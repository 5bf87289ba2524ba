"""Pixels of which the network is not sure lose their label, and no others do."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bisenet_core.labels.label_space import unlabel_unsure

EVERY_CONFIDENCE = np.arange(256, dtype=np.uint8).reshape(4, 64)


@given(st.one_of(st.floats(0, 1), st.integers(0, 255).map(lambda value: value / 255.0)), st.integers(0, 255))
def test_unlabeled_is_what_lies_below(min_confidence, class_id):
    labels = np.full(EVERY_CONFIDENCE.shape, class_id, np.uint8)
    kept = labels.copy()
    result = unlabel_unsure(labels, EVERY_CONFIDENCE, min_confidence)
    below = min_confidence > EVERY_CONFIDENCE / 255.0
    assert result.dtype == np.uint8
    np.testing.assert_array_equal(result, np.where(below, 255, class_id))
    np.testing.assert_array_equal(labels, kept)


@pytest.mark.parametrize("min_confidence, unsure", [(0.0, 0), (0.2, 51), (0.5, 128), (1.0, 255)])
def test_the_limit_itself_is_sure_enough(min_confidence, unsure):
    labels = unlabel_unsure(np.zeros((4, 64), np.uint8), EVERY_CONFIDENCE, min_confidence)
    assert np.count_nonzero(labels) == unsure
