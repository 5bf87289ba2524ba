"""A run goes on, and weights are taken over, only with the classes and files that they were trained on."""

import json
import shutil

import pytest
import torch
import yaml
from dataset_trees import write_imagenet, write_own_folder

from bisenet_core.cli import main


def _train(capfd, folder, data, *options, **changes):
    """(exit status, last line on stderr) of one iteration of a tiny recipe."""
    recipe = {
        "name": "tiny", "dataset": "folder", "options": {"alpha": 0.25}, "iterations": 1, "batch_size": 2,
        "crop_width": 32, "crop_height": 32, "precision": "32-true", **changes,
    }  # fmt: skip
    (data.parent / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    command = ["train", "--config", data.parent / "recipe.yaml", "--root", data, "--output", folder]
    status = main([str(one) for one in (*command, "--workers", 0, *options)])
    return status, (capfd.readouterr().err.strip().splitlines() or [""])[-1]


@pytest.fixture(scope="module")
def yard_run(tmp_path_factory):
    """(data, output) of a run that is done; not to be changed."""
    folder = tmp_path_factory.mktemp("yard")
    data = write_own_folder(folder / "data", {"train": 4, "val": 1}, (64, 48)).root

    class NoCapture:
        readouterr = staticmethod(lambda: type("Printed", (), {"err": ""}))

    assert _train(NoCapture, folder / "run", data)[0] == 0
    return data, folder / "run"


@pytest.fixture
def copied(yard_run, tmp_path):
    """Copies of both, at another place: a data set may move."""
    return tuple(shutil.copytree(one, tmp_path / one.name) for one in yard_run)


def _edit_classes(data, edit):
    content = json.loads((data / "classes.json").read_text())
    edit(content["classes"])
    (data / "classes.json").write_text(json.dumps(content))


def _swap(classes):
    classes[0]["name"], classes[1]["name"] = classes[1]["name"], classes[0]["name"]


def _rename(classes):
    classes[2]["name"] = "truck"


def _recolour(classes):
    classes[1]["color_rgb"] = [1, 2, 3]


def _shrink(classes):
    classes.pop()


CHANGES = [
    (_swap, "class 0 was 'ground' and is 'crate'; class 1 was 'crate' and is 'ground'"),
    (_rename, "class 2 was 'forklift' and is 'truck'"),
    (_recolour, "the colour of 'crate' was [200, 120, 0] and is [1, 2, 3]"),
    (_shrink, "class 2 was 'forklift' and is absent"),
]


@pytest.mark.parametrize(("edit", "named"), CHANGES)
def test_other_classes_end_a_resumed_run_and_are_not_begun_with(copied, tmp_path, capfd, edit, named):
    data, run = copied
    before = (run / "last.ckpt").read_bytes()
    _edit_classes(data, edit)
    status, line = _train(capfd, run, data, "--resume", "--changed-data")
    assert status == 2 and f"{run / 'last.ckpt'} was trained on other classes" in line and named in line
    assert f"--backbone {run / 'last.ckpt'}" in line and (run / "last.ckpt").read_bytes() == before
    status, line = _train(capfd, tmp_path / "new", data, "--weights", run / "best.ckpt")
    assert status == 2 and f"--backbone {run / 'best.ckpt'} takes all but what depends" in line
    assert edit is _shrink or named in line


def test_a_resumed_run_has_the_files_it_began_with(copied, capfd):
    data, run = copied
    assert _train(capfd, run, data, "--resume")[0] == 0, "moved to another folder"
    for kind in ("images", "labels"):
        shutil.copy(data / "train" / kind / "0000.png", data / "train" / kind / "0100.png")
    status, line = _train(capfd, run, data, "--resume")
    assert status == 2 and "train had 4 images and has 5;" in line and "--changed-data" in line
    for kind in ("images", "labels"):
        (data / "train" / kind / "0001.png").unlink()
    assert "train had 4 images and has 4, under other names;" in _train(capfd, run, data, "--resume")[1]
    assert _train(capfd, run, data, "--resume", "--changed-data")[0] == 0


def test_a_run_from_before_files_were_noted_goes_on(copied, capfd):
    data, run = copied
    content = torch.load(run / "last.ckpt", weights_only=True)
    del content["data_files"]
    torch.save(content, run / "last.ckpt")
    for kind in ("images", "labels"):
        (data / "train" / kind / "0001.png").unlink()
    assert _train(capfd, run, data, "--resume")[0] == 0


def test_class_folders_of_whole_images_are_compared_too(tmp_path, capfd):
    data = write_imagenet(tmp_path / "data", num_classes=2).root
    changes = {"dataset": "imagenet", "network": "stdc1", "options": {}}
    assert _train(capfd, tmp_path / "run", data, **changes)[0] == 0
    for split in ("train", "val"):
        first = sorted((data / split).iterdir())[0]
        first.rename(first.with_name("n99"))
    for options in (["run", "--resume"], ["new", "--weights", tmp_path / "run" / "last.ckpt"]):
        status, line = _train(capfd, tmp_path / options[0], data, *options[1:], **changes)
        assert status == 2 and "on other classes than the data has: class 0 was 'n01440764'" in line
