"""`bisenet quantize`: a folder gets its INT8 and what it costs, or stays exactly as it was."""

import json
import os
import shutil
import signal
import sys
from importlib.util import find_spec
from itertools import count

import cv2
import numpy as np
import pytest

pytest.importorskip("typer", reason="the command line needs typer and rich")
pytest.importorskip("openvino", reason="the model is run with openvino")
pytest.importorskip("onnxruntime", reason="quantisation needs ONNX Runtime (pip install .[cpu])")
pytest.importorskip("onnx", reason="networks are written with onnx (pip install .[train])")

from bisenet_core.cli import main
from bisenet_core.drives.image_files import read_image
from bisenet_core.labels.label_space import CITYSCAPES_19
from bisenet_core.runtime.model_card import ModelCard, file_sha256
from bisenet_core.runtime.opening import open_backend
from bisenet_core.runtime.quantised_file import QuantisedFile
from bisenet_core.runtime.segmenter import Segmenter

with_nncf = pytest.mark.skipif(
    find_spec("nncf") is None,
    reason="quantisation needs NNCF (pip install .[quantize])",
)


@pytest.fixture(scope="module")
def root(tmp_path_factory, tiny_model_folder):
    """ROOT/{train,test}/{images,labels}: images of patches, and what the tiny model itself says for truth."""
    rng, root = np.random.default_rng(0), tmp_path_factory.mktemp("root")
    with Segmenter.open(str(tiny_model_folder), "openvino", "fp32") as segmenter:
        for split in ("train", "test"):
            for folder in ("images", "labels"):
                (root / split / folder).mkdir(parents=True)
            for index in range(4):
                image = cv2.resize(rng.integers(0, 256, (6, 8, 3), np.uint8), (96, 64))
                cv2.imwrite(str(root / split / f"images/frame_{index}.png"), image)
                labels = segmenter.segment(image, "bgr").labels
                cv2.imwrite(str(root / split / f"labels/frame_{index}.png"), labels)
    return root


@pytest.fixture
def model(tmp_path, tiny_model_folder):
    shutil.copytree(tiny_model_folder, tmp_path / "net")
    return tmp_path / "net"


@pytest.fixture
def refused(model, capfd):
    """``refused(*options)``: the one line of the command's failure; the model folder has not changed."""

    def run(*options, status=2):
        before = _content(model)
        assert main(["quantize", "--model", str(model), *map(str, options)]) == status
        assert _content(model) == before
        (line,) = capfd.readouterr().err.splitlines()
        return line

    return run


def _content(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@with_nncf
def test_scores_of_fp32_and_int8_side_by_side(model, root, tmp_path, capsys):
    report = tmp_path / "report.json"
    assert main(["quantize", "--model", str(model), "--root", str(root), "--max-loss", "100",
                 "--json", str(report)]) == 0
    result, card = json.loads(report.read_text()), ModelCard.load(model)
    assert result["miou"] == 1.0 and 0.5 < result["miou_int8"] < 1.0  # truth is what FP32 says
    assert result["iou_int8"].keys() == result["iou"].keys() == set(card.label_space.classes)
    assert 0 < result["differing_pixels"] < 0.2 and 0 < result["widest_margin"] < 1
    assert result["network_ms"] > 0 and result["network_ms_int8"] > 0 and result["images"] == 4
    assert result["calibration"] == {"images": 4, "of": "camvid train", "kept_in_float": []}
    assert card.int8.cost["miou"] == result["miou_int8"] and card.int8.cost["miou_fp32"] == 1.0
    assert card.int8.sha256 == result["sha256"] == file_sha256(model / "model.int8.onnx")
    assert sorted(path.name for path in model.iterdir()) == ["model.int8.onnx", "model.json", "model.onnx"]
    shown = capsys.readouterr().out
    assert "mean IoU" in shown and "camvid test, 4 images" in shown and "times as fast" in shown
    # and again, over what is there: the same file
    assert main(["quantize", "--model", str(model), "--root", str(root), "--max-loss", "100"]) == 0
    assert ModelCard.load(model).int8.sha256 == card.int8.sha256


@with_nncf
def test_without_ground_truth_pixels_are_counted(model, root, tmp_path):
    report = tmp_path / "report.json"
    options = ["--images", str(root / "test/images"), "--max-loss", "100", "--json", str(report)]
    assert main(["quantize", "--model", str(model), *options]) == 0
    result = json.loads(report.read_text())
    assert result["miou"] is result["miou_int8"] is None and "iou" not in result
    assert 0 < result["differing_pixels"] < 0.2
    with Segmenter.open(str(model), precision="fp32") as one, Segmenter.open(
            str(model), result["backend"], "int8") as other:
        images = [read_image(path) for path in sorted((root / "test/images").iterdir())]
        differ = [(one.segment(image).labels != other.segment(image).labels).mean() for image in images]
    assert result["differing_pixels"] == pytest.approx(np.mean(differ), abs=1e-5)


@with_nncf
def test_layers_are_left_in_float_until_little_enough_is_lost(model, root, monkeypatch):
    losses = iter([3.0, 2.0, 0.1])
    from bisenet_core.deployment import quantisation

    monkeypatch.setattr(quantisation, "_cost", lambda *_: {"differing_pixels": next(losses) / 100,
                                                           "backend": "openvino", "images": 1,
                                                           "widest_margin": 1.0, "measured_on": "x"})
    assert main(["quantize", "--model", str(model), "--images", str(root / "test/images")]) == 0
    calibration = ModelCard.load(model).int8.calibration
    assert len(calibration["kept_in_float"]) == 2


@with_nncf
def test_one_that_loses_too_much_is_not_written_and_its_layers_are_named(refused, root):
    line = refused("--images", root / "test/images", "--max-loss", "0", status=1)
    assert "INT8 was not written: int8 changes" in line and "2 layers left in float" in line
    assert "The layers that cost most: Conv_" in line


@with_nncf
@pytest.mark.parametrize("where", ["quantise", "_cost", "os.replace"])
@pytest.mark.parametrize("error, status", [(KeyboardInterrupt, 130), (OSError(28, "No space left"), 2)])
def test_an_interrupted_one_leaves_the_folder_as_it_was(refused, root, monkeypatch, where, error, status):
    from bisenet_core.deployment import quantisation

    def fail(*_, **__):
        raise error

    monkeypatch.setattr(f"{quantisation.__name__}.{where}", fail)
    line = refused("--images", root / "test/images", status=status)
    assert "interrupted" in line or "cannot write" in line and "No space left" in line


@pytest.mark.parametrize("quantised_before", [False, True])
def test_killed_while_it_writes_it_leaves_a_model_that_runs(
        model, tmp_path, tiny_network_onnx, quantised_before):
    first, second = tiny_network_onnx(seed=1), tiny_network_onnx(seed=2)
    if quantised_before:
        _publish(model, first, tmp_path)
    before = _content(model)
    for step in range(3):
        assert _killed_at_rename(step, lambda: _publish(model, second, tmp_path))
        card = ModelCard.load(model)
        open_backend(card, "openvino").close()
        if card.int8 is not None:  # as it was, but for a file that no card names
            assert step == 0 and _content(model).items() >= before.items()
        for name, content in before.items():
            (model / name).write_bytes(content)
    assert not _killed_at_rename(step + 1, lambda: _publish(model, second, tmp_path))
    assert ModelCard.load(model).read_onnx("int8") == second


def _publish(model, network, tmp_path):
    from bisenet_core.deployment.quantisation import publish

    card = ModelCard.load(model)
    (tmp_path / "model.int8.onnx").write_bytes(network)
    digest = file_sha256(tmp_path / "model.int8.onnx")
    publish(card, QuantisedFile(digest, card.onnx_sha256, {}, {"differing_pixels": 0.0}), tmp_path)


def _killed_at_rename(step, call):
    """Run ``call`` in a process that is killed at its rename number ``step``, from 0; whether it was."""
    child = os.fork()
    if child:
        status = os.waitpid(child, 0)[1]
        assert status in (0, signal.SIGKILL)
        return status != 0
    renames, rename = count(), os.replace

    def replace(*paths):
        if next(renames) == step:
            os.kill(os.getpid(), signal.SIGKILL)
        rename(*paths)

    os.replace = replace
    try:
        call()
        os._exit(0)
    finally:
        os._exit(1)


@with_nncf
@pytest.mark.parametrize("options, words", [
    ([], "give --images FOLDER, or a data set with --root"),
    (["--images", "{tmp}"], "is empty; expected a folder of images"),
    (["--images", "{tmp}/absent"], "cannot list"),
    (["--root", "{tmp}"], "does not look like camvid"),
    (["--root", "{root}", "--split", "val"], "has no split 'val'"),
    (["--images", "{root}/test/images", "--keep-float", "stem"], "no layer is called 'stem'; known: Conv_0"),
    (["--images", "{root}/test/images", "--max-loss", "-1"], "--max-loss"),
])
def test_bad_input_is_one_line(refused, root, tmp_path, options, words):
    (tmp_path / "empty").mkdir()
    filled = [option.format(tmp=tmp_path / "empty", root=root) for option in options]
    assert words in refused(*filled)


@with_nncf
def test_an_image_that_cannot_be_read_is_named(refused, root, tmp_path):
    shutil.copytree(root / "test/images", tmp_path / "images")
    whole = (tmp_path / "images/frame_1.png").read_bytes()
    (tmp_path / "images/frame_1.png").write_bytes(whole[:100])
    assert "frame_1.png is a truncated PNG file" in refused("--images", tmp_path / "images")


@with_nncf
def test_a_model_of_other_classes_or_quantised_already_is_refused(
        model, refused, root, tiny_network_onnx, write_model_folder):
    from bisenet_core.deployment.quantiser import quantise, read_float_network

    floats = read_float_network(tiny_network_onnx())
    coded = quantise(floats, [lambda: np.zeros((1, 3, 64, 96), np.float32)]).SerializeToString()
    write_model_folder(model, coded)
    assert "model.onnx is quantised already" in refused("--images", root / "test/images")
    write_model_folder(model, tiny_network_onnx(19), label_space=CITYSCAPES_19)
    line = refused("--root", root)
    assert f"the model's classes are {CITYSCAPES_19.name}'s, the data set's are CamVid-11's" in line


def test_without_nncf_it_says_what_to_install(refused, root, monkeypatch):
    monkeypatch.setitem(sys.modules, "nncf", None)
    line = refused("--images", root / "test/images")
    assert "needs nncf, which is not installed: pip install 'bisenet_ros[quantize]'" in line
