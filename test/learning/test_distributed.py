"""Two processes compute what one does with the doubled batch."""

from copy import deepcopy

import pytest
import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from two_processes import in_two_processes

from bisenet_core.labels.label_space import UNLABELED
from bisenet_core.learning.distributed import GlobalBatchNorm2d, synchronise_norms, world_size
from bisenet_core.learning.recipe import Recipe
from bisenet_core.learning.scores import SegmentationScore
from bisenet_core.learning.segmentation_task import SegmentationTask

SMALL = {"options": {"alpha": 0.25}}
#: Changes of the recipe, and from which image of four on all is ignored.
CASES = {
    "class weights": ({**SMALL, "class_weights": [1.0, 2.0, 0.5, *[1.0] * 8]}, 3),
    # few pixels are below such a threshold: what counts are the largest losses of both processes
    "largest losses and detail head": (
        {"network": "stdc1_seg", "ohem_threshold": 0.001, "ohem_min_kept": 0.3, "detail_weight": 0.7}, 3,
    ),
    "jaccard": ({**SMALL, "jaccard_weight": 1.5}, 3),
    "a process without labels": (
        {**SMALL, "loss": "cross_entropy", "auxiliary_weight": 0.4, "jaccard_weight": 1.0}, 2,
    ),
    "no labels": (SMALL, 0),
}  # fmt: skip


def _batch(labelled):
    """Four images in float64, in which two ways to the same sum agree to the last digits."""
    generator = torch.Generator().manual_seed(1)
    image = torch.randn(4, 3, 64, 64, generator=generator, dtype=torch.float64)
    target = torch.randint(0, 11, (4, 8, 8), generator=generator)
    target = target.repeat_interleave(8, 1).repeat_interleave(8, 2)
    target[2, :40] = target[labelled:] = UNLABELED
    return image, target


def _step(case, rows):
    """Loss, gradients and running statistics of one step on ``rows`` of the batch."""
    changes, labelled = case
    torch.manual_seed(0)
    task = SegmentationTask(Recipe.from_dict({"name": "a", "dataset": "camvid", **changes}))
    network = task.network.double().train()
    if world_size() > 1:
        network = DistributedDataParallel(synchronise_norms(network, on_cpu=True), broadcast_buffers=False)
    image, target = (part[rows] for part in _batch(labelled))
    loss = task.losses(network(image), target)["loss"]
    loss.backward()
    gradients = {name: p.grad for name, p in task.network.named_parameters()}
    return loss.detach(), gradients, dict(task.network.named_buffers())


def _steps(rank):
    own = slice(2 * rank, 2 * rank + 2)
    return {name: _step(case, own) for name, case in CASES.items()} | {"validation": _validation(rank)}


def _validation(rank):
    score = SegmentationScore(3)
    labels = torch.arange(24).view(2, 3, 4) % 3
    score.update(labels, labels.clamp(max=1 + rank), torch.tensor([rank, rank + 2]))
    score.merge_processes()
    return score.confusion.counts, score.image_miou


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """What each of two processes computes."""
    return in_two_processes(_steps, tmp_path_factory.mktemp("steps"))


@pytest.mark.parametrize("name", CASES)
def test_a_step_of_two_processes_is_that_of_one(both, name):
    loss, gradients, statistics = _step(CASES[name], slice(0, 4))
    torch.testing.assert_close((both[0][name][0] + both[1][name][0]) / 2, loss)
    assert (loss.item() == 0) == (name == "no labels")
    for _, found, tracked in (results[name] for results in both):
        torch.testing.assert_close(tracked, statistics)
        for key, value in gradients.items():
            # ten digits of the tensor's largest: some of its gradients are what is left where others cancel
            close = 1e-10 * (1 + value.abs().max().item())
            torch.testing.assert_close(found[key], value, rtol=0, atol=close, msg=key)


def test_a_validation_of_two_processes_is_one(both):
    for counts, image_miou in (results["validation"] for results in both):
        assert counts.tolist() == [[16, 0, 0, 0], [0, 16, 8, 0], [0, 0, 8, 0]]
        assert image_miou == pytest.approx({0: 0.75, 2: 0.75, 1: 1.0, 3: 1.0})


def test_norms_of_one_process_are_pytorchs():
    plain, ours = nn.BatchNorm2d(3), GlobalBatchNorm2d(3)
    features = torch.randn(2, 3, 4, 5)
    torch.testing.assert_close(ours(features), plain(features))
    torch.testing.assert_close(ours.state_dict(), plain.state_dict())


def test_norms_are_exchanged_and_their_parts_stay():
    network = nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2))
    before = list(network.parameters())
    for on_cpu, kind in ((True, GlobalBatchNorm2d), (False, nn.SyncBatchNorm)):
        changed = synchronise_norms(deepcopy(network), on_cpu)
        assert type(changed[1]) is kind
        assert all(torch.equal(a, b) for a, b in zip(before, changed.parameters()))
