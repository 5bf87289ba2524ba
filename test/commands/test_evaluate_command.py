"""`bisenet evaluate`: figures that stay what they were, every protocol, folders and checkpoints."""

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("typer", reason="the command line needs typer and rich")
pytest.importorskip("openvino", reason="the model is run with openvino")

from bisenet_core.cli import main
from bisenet_core.drives.opening import open_drive
from bisenet_core.evaluation.metrics.scoring import Scores
from bisenet_core.evaluation.robustness import TemperatureFit
from bisenet_core.labels.label_space import CAMVID_11
from bisenet_core.runtime.model_card import ModelCard
from bisenet_core.runtime.segmenter import Segmenter


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """ROOT/test/images and labels: four images, and truth with every class but the last two."""
    rng, root = np.random.default_rng(0), tmp_path_factory.mktemp("root")
    for folder in ("images", "labels"):
        (root / "test" / folder).mkdir(parents=True)
    for index in range(4):
        patches = rng.integers(0, 256, (6, 8, 3), np.uint8)
        cv2.imwrite(str(root / f"test/images/frame_{index}.png"), cv2.resize(patches, (80, 60)))
        truth = rng.choice([*range(9), 11], (60, 80)).astype(np.uint8)
        cv2.imwrite(str(root / f"test/labels/frame_{index}.png"), truth)
    return root


@pytest.fixture
def evaluated(root, tiny_model_folder, tmp_path):
    """``evaluated(*options)``: the JSON that the command writes about the tiny model, or another."""

    def run(*options, model=tiny_model_folder):
        command = ["evaluate", "--model", model, "--root", root, "--json", tmp_path / "scores.json", *options]
        assert main([str(argument) for argument in command]) == 0
        return json.loads((tmp_path / "scores.json").read_text())

    return run


@pytest.fixture
def refused(root, tiny_model_folder, capfd):
    """``refused(*options)``: the one line on stderr with which the command fails."""

    def run(*options, model=tiny_model_folder):
        command = ["evaluate", "--model", model, "--root", root, *options]
        assert main([str(argument) for argument in command]) == 2
        (line,) = capfd.readouterr().err.splitlines()
        return line

    return run


def test_single_scale_counts_what_the_segmenter_says(evaluated, root, tiny_model_folder):
    expected = Scores(CAMVID_11)
    with Segmenter.open(str(tiny_model_folder), precision="fp32") as segmenter:
        for frame in open_drive(root / "test" / "images"):
            expected.add(segmenter.segment(frame.image, "rgb").labels, frame.truth, frame.name)
    result = evaluated("--precision", "fp32")
    assert {**result, **expected.as_json()} == result
    assert list(result)[:5] == ["dataset", "split", "model", "backend", "precision"]
    assert result["protocol"] == {"kind": "single", "size": None}


def test_absent_classes_are_said(evaluated, capsys):
    assert evaluated()["absent_classes"] == ["Pedestrian", "Bicyclist"]
    shown = capsys.readouterr().out
    assert "No pixel of the ground truth is Pedestrian, Bicyclist: not in the mean." in shown
    assert "Pedestrian (absent)" in shown and "multiscale" not in shown


def test_each_protocol_by_its_options(evaluated, capsys):
    found = {}
    for options in (
        "single",
        "resize --size 80x60",
        "multiscale --scales 0.75,1 --no-flip",
        "sliding --window 64x48 --stride 16x12",
    ):
        result = evaluated("--protocol", *options.split(), "--precision", "fp32")
        found[result["protocol"]["kind"]] = result
    assert found["multiscale"]["protocol"]["scales"] == [0.75, 1.0]
    assert found["sliding"]["protocol"]["window"] == [64, 48]
    assert len({json.dumps(result["confusion"]) for result in found.values()}) == 4
    assert "fp32, sliding" in capsys.readouterr().out


def test_scores_are_recorded_under_the_name_of_their_protocol(evaluated, tiny_model_folder, tmp_path):
    model = tmp_path / "model"
    shutil.copytree(tiny_model_folder, model)
    for options in (
        "single", "single --size 80x60", "multiscale --scales 1 --no-flip", "multiscale --scales 0.5,1",
        "sliding --window 64x48",
    ):
        evaluated("--protocol", *options.split(), "--precision", "fp32", "--record", model=model)
    assert list(ModelCard.load(model).metrics) == [
        "camvid_test_fp32", "camvid_test_fp32_80x60", "camvid_test_fp32_multiscale_scales_1.0_flip_False",
        "camvid_test_fp32_multiscale_scales_0.5x1.0", "camvid_test_fp32_sliding_window_64x48",
    ]


def test_scores_on_data_of_ones_own_take_no_others_place(evaluated, root, tiny_model_folder, tmp_path):
    model, own = (shutil.copytree(one, tmp_path / one.name) for one in (tiny_model_folder, root))
    names = zip(CAMVID_11.classes, CAMVID_11.palette)
    classes = [{"id": place, "name": name, "color_rgb": colour} for place, (name, colour) in enumerate(names)]
    for name in ("camvid", "yard"):
        about = {"name": name, "ignore_id": 11, "classes": classes}
        (own / "classes.json").write_text(json.dumps(about))
        evaluated("--record", "--dataset", "folder", "--root", own, "--precision", "fp32", model=model)
    assert list(ModelCard.load(model).metrics) == ["folder_camvid_test_fp32", "folder_yard_test_fp32"]


def test_images_that_the_network_was_trained_on_are_marked_in_the_headline(
    evaluated, tmp_path, write_model_folder, capsys
):
    trained = {"training_data": "camvid", "recipe": {"train_split": "train+test"}}
    model = write_model_folder(tmp_path / "trained", **trained)
    found = evaluated("--record", model=model)
    note = "trained on these images (camvid test): no measure of new ones"
    assert found["seen_in_training"] == note and found["trained_on"] == "camvid train+test"
    assert note in capsys.readouterr().out.replace("\n", " ")
    (recorded,) = (v for k, v in ModelCard.load(model).metrics.items() if k.startswith("camvid_test"))
    assert recorded["seen_in_training"] == note
    other = write_model_folder(tmp_path / "other", training_data="camvid", recipe={"train_split": "train"})
    assert evaluated(model=other)["seen_in_training"] is None


def test_the_confusion_matrix_is_drawn(evaluated, refused, root, tmp_path):
    pytest.importorskip("matplotlib")
    evaluated("--confusion", tmp_path / "confusion.png")
    assert cv2.imread(str(tmp_path / "confusion.png")).shape[0] > 400
    assert "an input" in refused("--confusion", root / "test" / "labels" / "000000.png")
    assert "ends in .png or .svg" in refused("--confusion", tmp_path / "confusion.pdf")


def test_corrupted_images_are_scored_drawn_and_shown(evaluated, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    plain = evaluated("--every", "3", "--precision", "fp32")
    found = evaluated("--every", "3", "--precision", "fp32", "--corruptions", tmp_path / "chart")
    assert plain["images"] == 2 and {key: found[key] for key in plain} == plain
    assert found["robustness"]["clean"]["miou"] == plain["miou"]
    assert len(found["robustness"]["corrupted"]["low light"]) == 5
    shown = capsys.readouterr().out
    assert "relative mean IoU" in shown and "low light" in shown
    assert "low light" in (tmp_path / "chart" / "robustness.svg").read_text()
    for name in ("robustness.png", "samples.png"):
        assert cv2.imread(str(tmp_path / "chart" / name)).shape[0] > 400


def calibrated(root, model, tmp_path):
    """The JSON of `bisenet calibrate` on the test split, and the temperature that the card has then."""
    file = tmp_path / "fit.json"
    command = ["calibrate", "--model", model, "--root", root, "--split", "test", "--json", file]
    assert main([str(argument) for argument in command]) == 0
    found = json.loads(file.read_text())
    return found, None if model.suffix else ModelCard.load(model)


def test_a_temperature_is_kept_where_it_lowers_the_error(root, tmp_path, write_model_folder, capsys):
    model = write_model_folder(tmp_path / "model")
    found, card = calibrated(root, model, tmp_path)
    assert found["stored"] and found["ece"] < found["ece_at_1"]
    assert card.temperature == found["temperature"] != 1
    assert card.metrics["calibration"]["ece"] == found["ece"] and card.metrics["calibration"]["images"] == 4
    assert calibrated(root, model, tmp_path)[0] == found
    assert "yes" in capsys.readouterr().out


def test_another_temperature_gives_way_to_one_where_that_is_best(
        root, tmp_path, write_model_folder, monkeypatch):
    model = write_model_folder(tmp_path / "model", temperature=4.0)
    best = TemperatureFit(1.0, 0.1, 0.1, 4)
    monkeypatch.setattr("bisenet_core.commands.calibrate.fit_temperature", lambda *_: best)
    assert [calibrated(root, model, tmp_path)[0]["stored"] for _ in range(2)] == [True, False]
    assert ModelCard.load(model).temperature == 1


def test_a_temperature_fitted_to_images_trained_on_is_not_kept(root, tmp_path, write_model_folder, capsys):
    trained = {"training_data": "camvid", "recipe": {"train_split": "train+test"}}
    model = write_model_folder(tmp_path / "trained", **trained)
    found, card = calibrated(root, model, tmp_path)
    assert not found["stored"] and card.temperature == 1 and "calibration" not in card.metrics
    assert "no: trained on these images (camvid test)" in capsys.readouterr().out


def test_a_checkpoints_temperature_is_told(root, tmp_path, capsys):
    pytest.importorskip("torch")
    pytest.importorskip("onnx")
    from tiny_checkpoint import write_tiny_checkpoint

    found, _ = calibrated(root, write_tiny_checkpoint(tmp_path), tmp_path)
    assert not found["stored"] and "no: a checkpoint has no model.json" in capsys.readouterr().out


def test_refusals(refused, tmp_path):
    (tmp_path / "file").touch()
    assert "leave out --protocol resize" in refused("--corruptions", tmp_path, "--protocol", "resize")
    assert "is a file; give --corruptions a folder" in refused("--corruptions", tmp_path / "file")
    assert "leave out --every 2" in refused("--record", "--every", "2")
    assert "did you mean 'sliding'?" in refused("--protocol", "slide")
    assert "--scales means nothing to --protocol single" in refused("--scales", "1,2")
    assert "numbers between commas" in refused("--protocol", "multiscale", "--scales", "1;2")
    assert "--window '64' is not a size" in refused("--protocol", "sliding", "--window", "64")
    assert "is a model folder; use auto" in refused("--backend", "torch")
    assert "export it first" in refused("--record", model=tmp_path / "best.ckpt")
    assert "cannot write" in refused("--json", tmp_path / "file" / "scores.json", model="none")


def test_a_full_disk_leaves_the_json_that_was_there(evaluated, tmp_path, monkeypatch, capsys):
    before = evaluated()
    monkeypatch.setattr(Path, "write_text", lambda path, _: path.write_bytes(b"{") and _full())
    with pytest.raises(AssertionError):
        evaluated("--every", 2)
    assert "No space left on device" in capsys.readouterr().err
    assert json.loads((tmp_path / "scores.json").read_text()) == before


def _full():
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_model_folder_needs_no_torch(root, tiny_model_folder):
    code = (
        "import sys\nfor name in ('torch', 'lightning_fabric', 'onnx'): sys.modules[name] = None\n"
        "from bisenet_core.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    command = ["evaluate", "--model", tiny_model_folder, "--root", root, "--protocol", "multiscale"]
    done = subprocess.run([sys.executable, "-c", code, *map(str, command)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lacking = subprocess.run(
        [sys.executable, "-c", code, "evaluate", "--model", "best.ckpt", "--root", str(root)],
        capture_output=True,
        text=True,
    )
    assert lacking.returncode == 2 and "pip install 'bisenet_ros[train]'" in lacking.stderr


def test_a_checkpoint_scores_alike_on_every_backend(evaluated, refused, tmp_path):
    pytest.importorskip("torch")
    pytest.importorskip("onnx")
    from tiny_checkpoint import write_tiny_checkpoint

    checkpoint = write_tiny_checkpoint(tmp_path)
    before = evaluated(model=checkpoint)
    after = evaluated("--backend", "openvino", "--precision", "fp32", model=checkpoint)
    assert (before["backend"], before["precision"]) == ("torch", "fp32") and after["backend"] == "openvino"
    assert before["model"] == after["model"] == str(checkpoint)
    assert before["pixel_accuracy"] == pytest.approx(after["pixel_accuracy"], abs=0.01)
    checkpoint.write_bytes(b"junk")
    assert "is not a checkpoint" in refused(model=checkpoint)
