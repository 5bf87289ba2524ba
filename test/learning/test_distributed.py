"""Two processes compute what one does with the doubled batch."""

import warnings

import pytest
import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from two_processes import in_two_processes

from bisenet_core.labels.label_space import UNLABELED
from bisenet_core.learning.distributed import GlobalBatchNorm2d, SynchronisedBatchNorm, world_size
from bisenet_core.learning.recipe import Recipe
from bisenet_core.learning.segmentation_module import SegmentationModule
from bisenet_core.learning.validation_score import ValidationScore

SMALL = {"options": {"alpha": 0.25}}
#: Changes of the recipe, and from which image of four on all is ignored.
CASES = {
    "class weights": ({**SMALL, "class_weights": [1.0, 2.0, 0.5, *[1.0] * 8]}, 3),
    # few pixels are below such a threshold: what counts are the largest losses of both processes
    "largest losses and detail head": (
        {"network": "stdc1_seg", "ohem_threshold": 0.001, "ohem_min_kept": 0.3, "detail_weight": 0.7}, 3,
    ),
    "a process without labels": ({**SMALL, "loss": "cross_entropy", "auxiliary_weight": 0.4}, 2),
    "no labels": (SMALL, 0),
}  # fmt: skip


class _Step(nn.Module):
    """Computes a training step where DistributedDataParallel wants to see a forward pass."""

    def __init__(self, module):
        super().__init__()
        self.module = module

    def forward(self, image, target):
        return self.module.training_step((image, target), 0)


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
    module = SegmentationModule(Recipe(name="a", dataset="camvid").to_dict() | changes).double().train()
    if world_size() > 1:
        SynchronisedBatchNorm().apply(module)
    step = _Step(module)
    step = DistributedDataParallel(step) if world_size() > 1 else step
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a module without a trainer, that logs nothing
        loss = step(*(part[rows] for part in _batch(labelled)))
    loss.backward()
    gradients = {name: p.grad for name, p in module.network.named_parameters()}
    statistics = {name: value for name, value in module.network.named_buffers()}
    return loss.detach(), gradients, statistics


def _steps(rank):
    own = slice(2 * rank, 2 * rank + 2)
    return {name: _step(case, own) for name, case in CASES.items()} | {"validation": _validation(rank)}


def _validation(rank):
    score = ValidationScore(3)
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


def test_norms_are_exchanged_and_restored():
    network = nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2))
    before = list(network.parameters())
    assert type(SynchronisedBatchNorm().apply(network)[1]) is GlobalBatchNorm2d
    assert type(SynchronisedBatchNorm().revert(network)[1]) is nn.BatchNorm2d
    assert all(a is b for a, b in zip(before, network.parameters()))
