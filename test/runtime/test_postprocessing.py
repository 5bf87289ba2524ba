import numpy as np
import pytest

from bisenet_core.errors import InferenceError
from bisenet_core.runtime.postprocessing import labels_from_logits


def test_labels_have_the_output_size_and_are_new_every_time():
    logits = np.random.default_rng(0).standard_normal((1, 5, 8, 12)).astype(np.float32)
    labels, confidence = labels_from_logits(logits, (96, 64), (130, 70))
    assert labels.shape == (70, 130) and confidence is None
    again, confidence = labels_from_logits(logits, (96, 64), (130, 70), with_confidence=True)
    assert (labels == again).all() and not np.shares_memory(labels, again)
    assert confidence.shape == (70, 130) and confidence.dtype == np.uint8


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_logits_that_are_not_numbers_are_an_error(value):
    logits = np.zeros((1, 5, 8, 12), np.float32)
    logits[0, 3, 4, 5] = value
    with pytest.raises(InferenceError, match="not finite numbers"):
        labels_from_logits(logits, (96, 64), (96, 64))
