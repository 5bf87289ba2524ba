"""Detail guidance: where labels change, and the loss on it."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from bisenet_core.errors import InputError
from bisenet_core.labels.label_space import UNLABELED
from bisenet_core.learning.losses import DetailLoss, detail_truth
from bisenet_core.learning.recipe import Recipe
from bisenet_core.learning.segmentation_task import SegmentationTask

LAPLACIAN = torch.tensor([[-1.0, -1, -1], [-1, 8, -1], [-1, -1, -1]])[None, None]


def _labels(seed, height=24, width=36, ignored=0.0):
    generator = torch.Generator().manual_seed(seed)
    target = torch.randint(0, 19, (2, height // 4, width // 4), generator=generator)
    target = target.repeat_interleave(4, 1).repeat_interleave(4, 2)
    target[torch.rand(target.shape, generator=generator) < ignored] = UNLABELED
    return target


def _published(target):
    """Section 3.2.2 with the public code's constants, its Laplacian as a convolution of full strength."""
    labels, maps = target.float()[:, None], []
    for stride in (1, 2, 4):
        edges = functional.conv2d(labels, LAPLACIAN, stride=stride, padding=1)
        maps.append((functional.interpolate(edges, size=target.shape[-2:]) > 0.1).float())
    return (0.6 * maps[0] + 0.3 * maps[1] + 0.1 * maps[2] > 0.1)[:, 0]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31))
def test_is_the_published_truth_away_from_the_frame(seed):
    target = _labels(seed)
    inner = (slice(None), slice(4, -4), slice(4, -4))
    found = detail_truth(target, reading="code")[inner]
    assert torch.equal(found, _published(target)[inner])
    assert found.any()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 18))
def test_ignored_pixels_and_the_frame_are_no_edges(seed, label):
    target = torch.full((2, 33, 47), label)
    target[torch.rand(target.shape, generator=torch.Generator().manual_seed(seed)) < 0.3] = UNLABELED
    assert not detail_truth(target).any()


#: A step from label 0 to 1 in front of column 8 and a step in front of column 13: which columns are marked.
#: The first stands on the grid of every stride, the second on that of stride 1 alone.
TABLE_4 = {
    (4,): [8, 9, 10, 11], (2,): [8, 9], (1,): [8, 13],
    (1, 2): [8, 9, 13], (1, 4): [8, 9, 10, 11, 13], (2, 4): [8, 9, 10, 11],
    (1, 2, 4): [8, 9, 10, 11, 13],
}  # fmt: skip
#: As the public code has it, stride 4 changes nothing.
CODE = {
    (4,): [], (2,): [8, 9], (1,): [8, 13],
    (1, 2): [8, 9, 13], (1, 4): [8, 13], (2, 4): [8, 9],
    (1, 2, 4): [8, 9, 13],
}  # fmt: skip


@pytest.mark.parametrize("reading, table", [("paper", TABLE_4), ("code", CODE)])
def test_what_each_combination_of_strides_marks(reading, table):
    target = torch.zeros(1, 20, 20, dtype=torch.int64)
    target[:, :, 8:] = 1
    target[:, :, 13:] = 2
    for strides, marked in table.items():
        columns = detail_truth(target, strides, reading)[0].all(0)
        assert columns.nonzero().flatten().tolist() == marked, (strides, reading)


def test_every_row_of_table_4_has_a_truth_of_its_own():
    target = _labels(11)
    truths = [detail_truth(target, strides) for strides in ((4,), (2,), (1,), (1, 2), (1, 2, 4))]
    assert all(truth.any() for truth in truths)
    assert not any(torch.equal(one, other) for n, one in enumerate(truths) for other in truths[:n])


def test_a_corner_is_marked_by_every_stride():
    target = torch.zeros(1, 16, 16, dtype=torch.int64)
    target[:, 8:, 8:] = 5
    for stride in (1, 2, 4):
        truth = detail_truth(target, (stride,))[0]
        block = (slice(8, 8 + stride), slice(8, 8 + stride))
        assert truth[block].all() and truth.sum() == stride * (16 - stride)


def test_mixed_precision_does_not_move_the_truth():
    target = _labels(0) * 13  # sums that bfloat16 cannot hold
    target[target >= UNLABELED] = UNLABELED
    with torch.autocast("cpu", torch.bfloat16):
        found = detail_truth(target)
    assert torch.equal(found, detail_truth(target))


def test_equations_4_and_5_by_hand():
    target = _labels(3, ignored=0.2)
    logits = torch.randn(2, 1, *target.shape[-2:], generator=torch.Generator().manual_seed(1))
    labelled, truth = target != UNLABELED, detail_truth(target)
    dice = []
    for p, g, known in zip(logits[:, 0].sigmoid(), truth.float(), labelled):
        p, g = p[known], g[known]
        dice.append(1 - (2 * (p * g).sum() + 1) / ((p * p).sum() + (g * g).sum() + 1))
    p, g = logits[:, 0].sigmoid()[labelled], truth[labelled].float()
    cross_entropy = -(g * p.log() + (1 - g) * (1 - p).log()).mean()
    torch.testing.assert_close(DetailLoss()(logits, target), cross_entropy + sum(dice) / 2)


def test_a_perfect_prediction_costs_nothing_and_its_opposite_much():
    target = _labels(5, ignored=0.1)
    sure = 50 * (2 * detail_truth(target).float() - 1)[:, None]
    assert DetailLoss()(sure, target) < 1e-4
    assert DetailLoss()(-sure, target) > 10


@pytest.mark.parametrize("ignored_image", [slice(None), slice(0, 1)], ids=["all", "one"])
def test_what_is_ignored_has_no_gradient(ignored_image):
    target = _labels(7)
    target[ignored_image] = UNLABELED
    logits = torch.randn(2, 1, 3, 5).requires_grad_()
    loss = DetailLoss()(logits, target)
    loss.backward()
    assert torch.count_nonzero(logits.grad[ignored_image]) == 0
    assert (loss.item() == 0) == (ignored_image == slice(None))
    assert torch.isfinite(loss)


def _task(network):
    return SegmentationTask(Recipe(name="tiny", dataset="camvid", network=network))


@pytest.mark.parametrize("ignored", [0.1, 1.0], ids=["some", "all"])
def test_a_step_of_stdc_is_finite_whatever_is_ignored(ignored):
    torch.manual_seed(0)
    task = _task("stdc1_seg")
    target = _labels(1, 32, 64) % 11
    target[torch.rand(target.shape) < ignored] = UNLABELED
    loss = task.losses(task.network(torch.randn(2, 3, 32, 64)), target)["loss"]
    loss.backward()
    gradients = torch.cat([p.grad.flatten() for p in task.network.parameters()])
    assert torch.isfinite(loss) and torch.isfinite(gradients).all()
    assert bool(gradients.any()) == (ignored < 1) == (loss.item() > 0)


def test_only_the_detail_head_learns_where_labels_change():
    task, target = _task("stdc1_seg"), _labels(4, 32, 64) % 11
    outputs = task.network.train()(torch.randn(2, 3, 32, 64))
    found = task.losses(outputs, target)
    assert set(outputs) == {"main", "context32", "context16", "detail"}
    for head, logits in outputs.items():
        loss = task.detail_loss if head == "detail" else task.loss
        torch.testing.assert_close(found[f"loss_{head}"], loss(logits, target))


def test_the_recipe_chooses_strides_and_reading():
    recipe = Recipe(name="a", dataset="camvid", network="stdc1_seg", detail_strides=(4,), detail_truth="code")
    target = _labels(2) % 11
    logits = torch.zeros(2, 1, *target.shape[-2:])
    loss = SegmentationTask(recipe).detail_loss(logits, target)
    assert loss == DetailLoss((4,), "code")(logits, target) != DetailLoss()(logits, target)


def test_a_network_for_whole_images_is_not_trained_on_labels():
    with pytest.raises(InputError, match="stdc1 labels whole images"):
        _task("stdc1")
