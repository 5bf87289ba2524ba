"""A real training run, small."""

import numpy as np
import pytest
import torch

from bisenet_core.errors import InputError, TrainingError
from bisenet_core.learning.data_module import EpochSampler, TrainingSamples
from bisenet_core.learning.datasets import open_dataset
from bisenet_core.learning.recipe import Recipe
from bisenet_core.learning.segmentation_module import SegmentationModule, parameter_groups
from bisenet_core.learning.train import train
from bisenet_core.models import create_model


def _recipe(**changes):
    values = {
        "name": "tiny", "dataset": "camvid", "options": {"alpha": 0.25}, "iterations": 6, "batch_size": 3,
        "crop_width": 64, "crop_height": 64, "precision": "32-true", "validate_every_epochs": 1,
        "learning_rate": 0.02,
    }
    return Recipe.from_dict({**values, **changes})


def test_learns_validates_and_resumes(street_dataset, tmp_path):
    with pytest.raises(InputError, match="nothing to resume"):
        train(_recipe(), street_dataset, tmp_path, resume=True, workers=0)
    train(_recipe(iterations=4), street_dataset, tmp_path, workers=0)
    with pytest.raises(InputError, match="--resume"):
        train(_recipe(), street_dataset, tmp_path, workers=0)
    best = train(_recipe(iterations=12), street_dataset, tmp_path, resume=True, workers=0)
    last = torch.load(tmp_path / "last.ckpt", weights_only=True)
    assert best.is_file() and last["global_step"] == 12
    logs = [(tmp_path / f"version_{n}" / "metrics.csv").read_text() for n in (0, 1)]
    assert all("val_miou" in log for log in logs), "resuming must keep what the first start logged"


def test_an_epoch_is_the_same_whoever_loads_it(street_dataset):
    samples = TrainingSamples(open_dataset("camvid", street_dataset, "train"), _recipe())
    sampler = EpochSampler(6, seed=0)
    sampler.set_epoch(3)
    keys = list(sampler)
    assert sorted(index for _, index in keys) == list(range(6)) and keys == list(sampler)
    image, target = samples[keys[0]]
    again, _ = samples[keys[0]]
    assert image.shape == (3, 64, 64) and target.shape == (64, 64) and torch.equal(image, again)
    sampler.set_epoch(4)
    assert keys != list(sampler)


def test_only_convolution_weights_decay():
    network = create_model("bisenetv2", 3)
    decayed, free = parameter_groups(network, 0.1)
    assert {p.ndim for p in decayed["params"]} == {4} and {p.ndim for p in free["params"]} == {1}
    assert len(decayed["params"]) + len(free["params"]) == len(list(network.parameters()))
    assert (decayed["weight_decay"], free["weight_decay"]) == (0.1, 0.0)


def test_a_loss_that_is_not_finite_stops_the_run():
    module = SegmentationModule(_recipe().to_dict())
    with torch.no_grad():
        module.network.head.classifier.bias.fill_(float("nan"))
    target = torch.from_numpy(np.zeros((2, 64, 64), np.int64))
    with pytest.raises(TrainingError, match="lower the learning rate"):
        module.training_step((torch.zeros(2, 3, 64, 64), target), 0)
