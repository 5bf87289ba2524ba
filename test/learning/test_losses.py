"""Cross-entropy on all pixels and on the hard ones."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from bisenet_core.labels.label_space import UNLABELED
from bisenet_core.learning.losses import CrossEntropy, OhemCrossEntropy, jaccard


def _case(seed, ignored=0.2):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(2, 5, 4, 6, generator=generator).requires_grad_()
    target = torch.randint(0, 5, (2, 32, 48), generator=generator)
    target[torch.rand(target.shape, generator=generator) < ignored] = UNLABELED
    return logits, target


def _pixel_losses(logits, target):
    up = functional.interpolate(logits, size=target.shape[-2:], mode="bilinear", align_corners=False)
    return functional.cross_entropy(up, target, ignore_index=UNLABELED, reduction="none")[target != UNLABELED]


@pytest.mark.parametrize("loss", [CrossEntropy(), OhemCrossEntropy(), jaccard])
def test_all_ignored_is_zero_with_zero_gradients(loss):
    logits, target = _case(0)
    loss = loss(logits, torch.full_like(target, UNLABELED))
    loss.backward()
    assert loss.item() == 0 and torch.count_nonzero(logits.grad) == 0


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31))
def test_keeping_every_pixel_is_plain_cross_entropy(seed):
    logits, target = _case(seed)
    loss = OhemCrossEntropy(threshold=1.0, min_kept=1.0)(logits, target)
    torch.testing.assert_close(loss, _pixel_losses(logits, target).mean())


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31), st.floats(0.05, 0.99), st.floats(0.01, 1.0))
def test_keeps_the_hardest_pixels(seed, threshold, min_kept):
    logits, target = _case(seed)
    losses = _pixel_losses(logits, target).sort(descending=True).values
    hard = int((losses > -torch.log(torch.tensor(threshold))).sum())
    kept = max(hard, int(min_kept * losses.numel()), 1)
    loss = OhemCrossEntropy(threshold, min_kept)(logits, target)
    torch.testing.assert_close(loss, losses[:kept].mean(), rtol=1e-3, atol=1e-4)


def test_cross_entropy_is_pytorchs_also_with_class_weights():
    logits, target = _case(3)
    up = functional.interpolate(logits, size=target.shape[-2:], mode="bilinear", align_corners=False)
    for weights in (None, [0.5, 1.0, 2.0, 0.0, 7.0]):
        expected = functional.cross_entropy(
            up, target, None if weights is None else torch.tensor(weights), ignore_index=UNLABELED
        )
        torch.testing.assert_close(CrossEntropy(weights)(logits, target), expected)
        torch.testing.assert_close(OhemCrossEntropy(1.0, 1.0, weights)(logits, target), expected)


@pytest.mark.parametrize("kind", [CrossEntropy, OhemCrossEntropy])
def test_only_classes_without_weight_is_zero_with_zero_gradients(kind):
    logits, target = _case(0)
    value = kind(class_weights=[0.0, 1, 1, 1, 1])(logits, torch.zeros_like(target))
    value.backward()
    assert value.item() == 0 and torch.count_nonzero(logits.grad) == 0


def test_pixels_that_tie_for_the_last_places_share_them():
    logits = torch.zeros(1, 2, 4, 4).requires_grad_()
    logits.data[:, 0, 0] = 3.0  # sure of class 0 in the first row, undecided elsewhere
    target = torch.zeros(1, 4, 4, dtype=torch.int64)
    OhemCrossEntropy(threshold=0.1, min_kept=0.25)(logits, target).backward()
    gradients = logits.grad[0, 0, 1:]
    assert (gradients < 0).all() and gradients.unique().numel() == 1
    assert torch.count_nonzero(logits.grad[0, :, 0]) == 0


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 5))
def test_jaccard_of_sure_labels_is_one_less_their_mean_iou(seed, classes):
    generator = torch.Generator().manual_seed(seed)
    target = torch.randint(0, classes, (2, 6, 8), generator=generator)
    target[0, 0, 0] = UNLABELED
    labels = torch.randint(0, 5, target.shape, generator=generator)
    sure = 100 * functional.one_hot(labels, 5).permute(0, 3, 1, 2).float()
    seen = target != UNLABELED
    ious = [
        ((labels == k) & (target == k)).sum() / (seen & ((labels == k) | (target == k))).sum()
        for k in target[seen].unique()
    ]
    torch.testing.assert_close(jaccard(sure, target), 1 - torch.stack(ious).mean())
