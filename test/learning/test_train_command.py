"""`bisenet train` with what it cannot work with: one line on stderr and status 2."""

import json
import shutil

import cv2
import numpy as np
import pytest
import yaml

from bisenet_core.cli import main


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
    assert "did you mean alpha?" in train_fails(options={"alhpa": 1})


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
    bad = root / "val" / "labels" / "000.png"
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
