"""A submission to Cityscapes' server: names, ids, sizes; what is missing or of others is refused before."""

import json
import zipfile

import cv2
import numpy as np
import pytest

pytest.importorskip("typer", reason="the command line needs typer and rich")
pytest.importorskip("openvino", reason="the model is run with openvino")

from bisenet_core.cli import main
from bisenet_core.evaluation.protocols import cityscapes_submission as submission
from bisenet_core.labels.label_space import CITYSCAPES_19
from bisenet_core.runtime.segmenter import Segmenter

#: The data set's own table of names and ids, of the classes that are scored.
OFFICIAL = {
    "road": 7, "sidewalk": 8, "building": 11, "wall": 12, "fence": 13, "pole": 17, "traffic light": 19,
    "traffic sign": 20, "vegetation": 21, "terrain": 22, "sky": 23, "person": 24, "rider": 25, "car": 26,
    "truck": 27, "bus": 28, "train": 31, "motorcycle": 32, "bicycle": 33,
}


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Three images of 96x64 are a whole test split."""
    monkeypatch.setattr(submission, "IMAGES", {"val": 2, "test": 3})
    monkeypatch.setattr(submission, "SIZE", (96, 64))


@pytest.fixture
def root(tmp_path):
    rng = np.random.default_rng(3)
    for name in ("berlin/berlin_000000_000019", "berlin/berlin_000001_000019", "bonn/bonn_000000_000019"):
        path = tmp_path / "data" / "leftImg8bit" / "test" / f"{name}_leftImg8bit.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), cv2.resize(rng.integers(0, 256, (5, 6, 3), np.uint8), (96, 64)))
    return tmp_path / "data"


@pytest.fixture
def model(tmp_path_factory, write_model_folder, tiny_network_onnx):
    folder = tmp_path_factory.mktemp("model")
    return write_model_folder(folder, tiny_network_onnx(19, 0, 1.0), label_space=CITYSCAPES_19)


def _run(model, root, out, *options):
    command = ["evaluate", "--model", model, "--dataset", "cityscapes", "--root", root, "--submission", out]
    return main([str(one) for one in (*command, *options)])


def test_one_png_for_each_image_with_the_official_ids(model, root, tmp_path):
    out = tmp_path / "out.zip"
    assert _run(model, root, out, "--precision", "fp32", "--json", tmp_path / "out.json") == 0
    report = json.loads((tmp_path / "out.json").read_text())
    assert (report["images"], report["split"], report["submission"]) == (3, "test", str(out))
    ids = np.array([OFFICIAL[name] for name in CITYSCAPES_19.classes], np.uint8)
    with zipfile.ZipFile(out) as archive, Segmenter.open(str(model), precision="fp32") as segmenter:
        names = ("berlin_000000_000019", "berlin_000001_000019", "bonn_000000_000019")
        assert archive.namelist() == [f"{name}_pred_labelIds.png" for name in names]
        for name in names:
            content = np.frombuffer(archive.read(f"{name}_pred_labelIds.png"), np.uint8)
            labels = cv2.imdecode(content, cv2.IMREAD_UNCHANGED)
            city = name.split("_")[0]
            image = cv2.imread(str(root / "leftImg8bit" / "test" / city / f"{name}_leftImg8bit.png"))
            expected = ids[segmenter.segment(image, color_order="bgr").labels]
            np.testing.assert_array_equal(labels, expected)
            assert labels.shape == (64, 96) and labels.dtype == np.uint8


def _refused(capfd, *arguments):
    assert _run(*arguments) == 2
    (line,) = capfd.readouterr().err.splitlines()
    return line


def test_missing_images_are_said_before_any_is_labelled(model, root, tmp_path, capfd):
    next(root.rglob("bonn*.png")).unlink()
    assert "holds 2 images *_leftImg8bit.png; expected all 3 of test" in _refused(
        capfd, model, root, tmp_path / "out.zip"
    )
    assert "expected all 2 of val" in _refused(capfd, model, root, tmp_path / "out.zip", "--split", "val")
    assert "val or test, not train" in _refused(capfd, model, root, tmp_path / "out.zip", "--split", "train")


def test_images_of_another_size_are_refused(model, root, tmp_path, capfd):
    cv2.imwrite(str(next(root.rglob("bonn*.png"))), np.zeros((32, 96, 3), np.uint8))
    assert "is 96x32 pixels; expected 96x64" in _refused(capfd, model, root, tmp_path / "out.zip")
    next(root.rglob("bonn*.png")).write_bytes(b"short")
    assert "is 0x0 pixels" in _refused(capfd, model, root, tmp_path / "out.zip")


def test_a_model_of_another_label_space_is_refused(tiny_model_folder, root, tmp_path, capfd):
    line = _refused(capfd, tiny_model_folder, root, tmp_path / "out.zip")
    assert "the model's classes are CamVid-11's" in line and not (tmp_path / "out.zip").exists()


def test_a_broken_image_leaves_no_archive(model, root, tmp_path, capfd):
    path = next(root.rglob("bonn*.png"))
    path.write_bytes(path.read_bytes()[:200])
    assert "bonn" in _refused(capfd, model, root, tmp_path / "out.zip")
    assert [one.name for one in tmp_path.iterdir()] == ["data"]


@pytest.mark.parametrize(
    "options, words",
    [
        (("--every", "2"), "has no scores for"),
        (("--record",), "has no scores for"),
        (("--dataset", "camvid"), "is for --dataset cityscapes, not camvid"),
    ],
)
def test_what_has_no_meaning_for_a_submission_is_refused(options, words, model, root, tmp_path, capfd):
    assert words in _refused(capfd, model, root, tmp_path / "out.zip", *options)


def test_an_archive_of_another_ending_is_refused(model, root, tmp_path, capfd):
    assert "ends with .zip" in _refused(capfd, model, root, tmp_path / "out.tar")
