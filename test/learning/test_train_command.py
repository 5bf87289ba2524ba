"""`bisenet train` with what it cannot work with: one line on stderr and status 2."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from dataset_trees import write_own_folder
from tiny_checkpoint import write_tiny_checkpoint

from bisenet_core.cli import main
from bisenet_core.learning.recipe import Recipe


@pytest.fixture
def train_fails(street_dataset, tmp_path, capfd):
    """Runs a tiny recipe, with changes, and returns the last line on stderr."""

    def run(*options, root=street_dataset, output=None, **changes):
        recipe = {
            "name": "tiny", "dataset": "camvid", "options": {"alpha": 0.25}, "iterations": 1, "batch_size": 2,
            "crop_width": 64, "crop_height": 64, "precision": "32-true", **changes,
        }
        (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe))
        command = ["train", "--config", tmp_path / "recipe.yaml", "--root", root, "--workers", "1"]
        command += ["--output", output or tmp_path / "run", *options]
        assert main([str(argument) for argument in command]) == 2
        error = capfd.readouterr().err
        assert "Traceback" not in error
        return error.splitlines()[-1]

    return run


def test_an_output_that_cannot_be_written(train_fails, tmp_path):
    (tmp_path / "file").write_text("mine")
    assert "choose another --output" in train_fails(output=tmp_path / "file")


def test_a_network_or_an_option_that_does_not_exist(train_fails):
    assert "no network is called 'bisenet3'" in train_fails(network="bisenet3")
    assert "did you mean 'alpha'?" in train_fails(options={"alhpa": 1})


def test_a_start_that_fails_leaves_no_folder_and_takes_none(train_fails, tmp_path):
    train_fails(network="bisenet3")
    assert not (tmp_path / "run").exists()
    (tmp_path / "run").mkdir()
    train_fails(network="bisenet3")
    assert (tmp_path / "run").is_dir(), "which was there before"


def test_what_a_run_cannot_begin_with(train_fails, tmp_path):
    model = Path(__file__).parents[2] / "weights" / "camvid_bisenetv2"
    file = model / "model.onnx"
    assert "is a model to run; expected a checkpoint (*.ckpt)" in train_fails("--weights", file)
    assert "does not fit the recipe's network" in train_fails("--weights", model, options={"alpha": 0.25})
    checkpoint = write_tiny_checkpoint(tmp_path)
    own = write_own_folder(tmp_path / "own").root
    line = train_fails("--weights", checkpoint, root=own, dataset="folder")
    assert f"--backbone {checkpoint} takes all but what depends on the classes" in line
    assert "size mismatch for network." in line
    assert "--backbone" not in train_fails("--weights", checkpoint, options={"alpha": 0.5}), "another network"


def test_weights_of_other_settings_and_a_recipe_in_the_output_are_refused(train_fails, tmp_path):
    checkpoint = write_tiny_checkpoint(tmp_path)
    assert "has mean (0.485" in train_fails("--weights", checkpoint, mean=[0.3, 0.3, 0.3])
    assert "give one of them" in train_fails("--weights", checkpoint, "--backbone", checkpoint)
    assert "would replace the recipe" in train_fails(output=tmp_path)
    assert "'label_smoothing' is for networks that label images" in train_fails(label_smoothing=0.1)


def test_a_run_that_is_damaged(train_fails, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "last.ckpt").write_bytes(b"junk")
    assert "last.ckpt is not a checkpoint" in train_fails("--resume")
    assert (tmp_path / "run" / "last.ckpt").read_bytes() == b"junk"


def test_fewer_images_than_a_batch(train_fails):
    assert "lower batch_size" in train_fails(batch_size=7)


def test_a_label_file_that_is_wrong_is_named_though_another_process_read_it(
    train_fails, street_dataset, tmp_path
):
    root = tmp_path / "root"
    shutil.copytree(street_dataset, root)
    bad = root / "val" / "labels" / "001.png"  # the first is read before the run
    cv2.imwrite(str(bad), np.full((64, 96), 77, np.uint8))
    assert train_fails(root=root).startswith(f"bisenet: {bad} holds label id 77")


@pytest.mark.slow
def test_train_and_export_tell_the_validation_miou(street_dataset, tmp_path):
    recipe = {
        "name": "tiny", "dataset": "camvid", "options": {"alpha": 0.25}, "iterations": 1, "batch_size": 6,
        "crop_width": 64, "crop_height": 64, "precision": "32-true", "validate_every_epochs": 1,
    }
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe))

    def result(*command):
        arguments = [*command, "--json", tmp_path / "result.json"]
        assert main([str(argument) for argument in arguments]) == 0
        return json.loads((tmp_path / "result.json").read_text())

    run, model = tmp_path / "run", tmp_path / "model"
    trained = result(
        "train", "--config", tmp_path / "recipe.yaml", "--root", street_dataset, "--output", run,
        "--workers", "0",
    )
    assert 0 <= trained["miou"] <= 1
    assert result("export", run / "best.ckpt", "--output", model)["miou"] == trained["miou"]
    assert result("export", run / "last.ckpt", "--output", model)["miou"] is None


@pytest.mark.slow
def test_own_classes_from_another_networks_checkpoint_to_a_model(tmp_path, capfd, monkeypatch):
    """What it began with stays known in a resumed run and in the model, and so does the data's own name."""
    own, checkpoint = write_own_folder(tmp_path / "own").root, write_tiny_checkpoint(tmp_path)
    recipe = {
        "name": "yard", "dataset": "folder", "options": {"alpha": 0.25}, "iterations": 1, "batch_size": 2,
        "crop_width": 64, "crop_height": 64, "precision": "32-true", "validate_every_epochs": 1,
    }
    (tmp_path / "our_yard.yaml").write_text(yaml.safe_dump(recipe))
    monkeypatch.chdir(tmp_path)
    run = ["train", "--config", "our_yard.yaml", "--root", str(own), "--workers", "0"]
    assert main([*run, "--backbone", str(checkpoint)]) == 0
    assert f"begins with the trunk of {checkpoint}: " in capfd.readouterr().err
    assert main([*run, "--resume"]) == 0
    assert main(["export", "runs/our_yard/best.ckpt", "--output", "model"]) == 0
    card = json.loads((tmp_path / "model" / "model.json").read_text())
    assert card["recipe"]["backbone"] == str(checkpoint) == Recipe.load("runs/our_yard/recipe.yaml").backbone
    name = card["label_space"]["name"]
    assert card["training_data"] == name != "folder"
    assert f"on {name}" in (tmp_path / "runs" / "our_yard" / "report.html").read_text()
