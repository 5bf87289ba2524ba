"""Parts of one training sample in another."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bisenet_core.labels.label_space import UNLABELED
from bisenet_core.learning.mixing import half_of_classes, paste, rectangle
from bisenet_core.learning.teacher import at_soft_pixels, soft_size

SIZES = {"height": st.integers(32, 70), "width": st.integers(32, 70), "seed": st.integers(0, 2**31)}


@pytest.mark.parametrize("region", [rectangle, half_of_classes])
@settings(max_examples=50, deadline=None)
@given(**SIZES)
def test_a_part_of_another_sample_is_the_same_in_image_labels_and_soft_labels(region, height, width, seed):
    one, other = (
        (torch.full((3, height, width), v), torch.full((height, width), v),
         torch.full((2, *soft_size((height, width))), v))
        for v in (0.0, 1.0)
    )  # fmt: skip
    rng = np.random.default_rng(seed)
    labels = torch.from_numpy(rng.integers(0, 4, (height, width)))
    paste(one, other, region(labels, rng))
    image, shown, soft = one
    assert (image == shown).all() and (soft == at_soft_pixels(shown)).all()
    assert 0 < shown.sum() < height * width


@settings(max_examples=50, deadline=None)
@given(**SIZES)
def test_a_rectangle_has_its_corners_on_whole_pixels_of_soft_labels(height, width, seed):
    region = rectangle(torch.zeros(height, width), np.random.default_rng(seed))
    soft = at_soft_pixels(region)
    whole = soft.repeat_interleave(4, 0).repeat_interleave(4, 1)
    assert (whole[:height, :width] == region).all()
    assert soft.sum() == soft.any(0).sum() * soft.any(1).sum()
    assert 0.05 <= region.float().mean() <= 0.6


@given(present=st.sets(st.integers(0, 18)), seed=st.integers(0, 2**31))
def test_half_of_the_classes_are_shown_whole_and_what_has_no_label_is_not(present, seed):
    classes = [*sorted(present), UNLABELED]
    labels = torch.tensor(classes).repeat(3, 2)
    region = half_of_classes(labels, np.random.default_rng(seed))
    shown = set(labels[region].tolist())
    assert len(shown) == len(present) // 2 and UNLABELED not in shown
    assert (region == torch.isin(labels, torch.tensor(sorted(shown), dtype=torch.int64))).all()
