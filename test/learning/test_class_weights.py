"""Class weights from pixel counts."""

import math

import numpy as np
import pytest

from bisenet_core.learning.datasets import open_dataset
from bisenet_core.learning.segmentation_task import count_pixels, inverse_log


@pytest.mark.parametrize("workers", [0, 2])
def test_counts_the_labelled_pixels_of_a_data_set(street_dataset, workers):
    pairs = open_dataset("camvid", street_dataset, "train")
    labels = np.stack([pairs[index][1] for index in range(len(pairs))])
    counts = count_pixels(pairs, 11, workers)
    assert counts.tolist() == [(labels == c).sum() for c in range(11)]


def test_rare_classes_weigh_most():
    weights = inverse_log([75, 25, 0])
    assert weights == pytest.approx([1 / math.log(1.77), 1 / math.log(1.27), 1 / math.log(1.02)])
    assert inverse_log([0, 0]) == pytest.approx([1 / math.log(1.02)] * 2)
