"""A real training run, small."""

import pytest
import torch

from bisenet_core.errors import InputError, TrainingError
from bisenet_core.learning.data import TrainingSamples
from bisenet_core.learning.datasets import open_dataset
from bisenet_core.learning.loop import checked_losses
from bisenet_core.learning.recipe import Recipe
from bisenet_core.learning.train import train


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
    best = train(_recipe(), street_dataset, tmp_path, workers=0)
    with pytest.raises(InputError, match="--resume"):
        train(_recipe(), street_dataset, tmp_path, workers=0)
    assert train(_recipe(), street_dataset, tmp_path, resume=True, workers=0) == best
    with pytest.raises(InputError, match="another recipe: iterations was 6 and is 7; seed was 0 and is 1;"):
        train(_recipe(iterations=7, seed=1), street_dataset, tmp_path, resume=True, workers=0)
    last = torch.load(tmp_path / "last.ckpt", weights_only=True)
    assert best.is_file() and last["global_step"] == 6
    assert Recipe.load(tmp_path / "recipe.yaml") == _recipe()
    assert "val_miou" in (tmp_path / "logs" / "metrics.csv").read_text()


def test_a_sample_is_the_same_whenever_it_is_loaded(street_dataset):
    samples = TrainingSamples(open_dataset("camvid", street_dataset, "train"), _recipe())
    image, target = samples[3, 1]
    assert image.shape == (3, 64, 64) and target.shape == (64, 64)
    assert torch.equal(image, samples[3, 1][0]) and not torch.equal(image, samples[4, 1][0])


@pytest.mark.parametrize("setting", ["cutmix", "classmix"])
def test_a_mixed_sample_shows_two_images_and_the_others_stay_as_they_are(street_dataset, setting):
    pairs = open_dataset("camvid", street_dataset, "train")
    plain, mixed = (TrainingSamples(pairs, _recipe(**{setting: share})) for share in (0.0, 0.5))
    changed = 0
    for epoch in range(20):
        (image, target), (seen, labels) = plain[epoch, 0], mixed[epoch, 0]
        assert torch.equal(seen, mixed[epoch, 0][0])
        pasted = (seen != image).any(0) | (labels != target)
        assert pasted.float().mean() < (0.6 if setting == "cutmix" else 1.0)
        changed += bool(pasted.any())
    assert 3 <= changed <= 17


def test_a_loss_that_is_not_finite_stops_the_run(street_dataset, tmp_path):
    checked_losses({"loss": torch.tensor(1.0)}, 7)
    with pytest.raises(TrainingError, match="the loss is nan at iteration 7; lower the learning rate"):
        checked_losses({"loss": torch.tensor(torch.nan), "loss_head": torch.tensor(1.0)}, 7)
    with pytest.raises(TrainingError, match="at iteration 1; lower the learning rate"):
        train(_recipe(learning_rate=1e38), street_dataset, tmp_path, workers=0)


def test_a_validation_on_images_of_the_training_is_said(street_dataset, tmp_path, capfd):
    once = {"iterations": 1, "batch_size": 2}
    first = train(_recipe(train_split="train+val", **once), street_dataset, tmp_path / "first", workers=0)
    assert "bisenet: the network is trained on val too: scores on val are" in capfd.readouterr().err
    page = " ".join((tmp_path / "first" / "report.html").read_text().split())
    assert "at iteration 1 of 1; trained on these images (val)" in page

    train(_recipe(**once), street_dataset, tmp_path / "second", workers=0, weights=first)
    assert "the network is trained on val too" in capfd.readouterr().err
    saved = Recipe.load(tmp_path / "second" / "recipe.yaml")
    assert (saved.weights_splits, saved.seen_in_validation) == ("train+val", "val")
    train(_recipe(**once), street_dataset, tmp_path / "second", workers=0, resume=True)
    capfd.readouterr()
    train(_recipe(**once), street_dataset, tmp_path / "third", workers=0)
    assert "trained on val" not in capfd.readouterr().err
    second = tmp_path / "second" / "last.ckpt"
    train(_recipe(**once), street_dataset, tmp_path / "fourth", workers=0, weights=second)
    assert Recipe.load(tmp_path / "fourth" / "recipe.yaml").weights_splits == "train+val"
