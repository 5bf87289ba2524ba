"""A teacher, its soft labels, and a network that learns from them."""

import json
import shutil

import cv2
import numpy as np
import pytest
import torch
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional
from training_process import RECIPE, TrainingProcess, differences, finished, street, train_here

from bisenet_core.errors import InputError
from bisenet_core.labels.label_space import CAMVID_11, CITYSCAPES_19, UNLABELED
from bisenet_core.learning.checkpoint import data_name
from bisenet_core.learning.datasets import open_dataset
from bisenet_core.learning.losses import distillation, uncontradicted
from bisenet_core.learning.recipe import Recipe
from bisenet_core.learning.soft_labels import SoftLabels
from bisenet_core.learning.teacher import Teacher, class_mapping
from bisenet_core.learning.transforms import Augmentation, View

TEACHES = {"teacher_scales": [1.0, 1.5], "teacher_temperature": 2.0, "teacher_weight": 3.0}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return street(tmp_path_factory.mktemp("street"))


@pytest.fixture(scope="module")
def teacher(data, tmp_path_factory):
    """Checkpoint of a run of 8 iterations."""
    folder = tmp_path_factory.mktemp("teacher")
    finished(folder, data)
    return folder / "last.ckpt"


def _image(height=48, width=80):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def _recipe(teacher, **changes):
    return Recipe.from_dict({**RECIPE, **TEACHES, "teacher": str(teacher), **changes})


def test_a_teacher_says_what_its_network_says_of_the_image_and_its_mirror_image(teacher):
    one = Teacher(_recipe(teacher, teacher_scales=[2.0]), CAMVID_11.classes)
    image = _image()
    found = one.probabilities(image)
    assert found.shape == (11, 12, 20)
    torch.testing.assert_close(found.sum(0), torch.ones(12, 20))
    torch.testing.assert_close(one.probabilities(image[:, ::-1]), found.flip(-1), atol=1e-5, rtol=0)
    both = [Teacher(_recipe(teacher, teacher_scales=[s]), CAMVID_11.classes) for s in (1.0, 2.0)]
    mean = torch.stack([t.probabilities(image) for t in both]).mean(0)
    averaged = Teacher(_recipe(teacher, teacher_scales=[1.0, 2.0]), CAMVID_11.classes)
    torch.testing.assert_close(averaged.probabilities(image), mean)


def test_the_shipped_mapping_names_every_class_of_both(tmp_path):
    recipe = _recipe("t", teacher_classes="cityscapes_to_camvid")
    matrix = class_mapping(CITYSCAPES_19.classes, CAMVID_11.classes, recipe)
    assert matrix.shape == (11, 19) and (matrix.sum(0) == 1).all() and (matrix.sum(1) >= 1).all()
    assert matrix[CAMVID_11.classes.index("Tree"), CITYSCAPES_19.classes.index("terrain")] == 1


@pytest.mark.parametrize(
    ("pairs", "words"),
    [
        ({"a": "x", "b": "z"}, "maps to 'z'; known: x, y"),
        ({"a": "x", "b": "y", "aa": "y"}, "maps from 'aa'; did you mean 'a'"),
        ({"a": "x"}, "has nothing for the teacher's 'b'"),
        ({"a": "x", "b": ""}, "has nothing for the data's 'y'"),
        (["a"], "no mapping of class names"),
        (None, "cannot be read"),
    ],
)
def test_a_mapping_that_does_not_fit_is_refused(tmp_path, pairs, words):
    path = tmp_path / "mapping.yaml"
    if pairs is not None:
        path.write_text(yaml.safe_dump(pairs))
    with pytest.raises(InputError, match=words):
        class_mapping(("a", "b"), ("x", "y"), _recipe("t", teacher_classes=str(path)))


def test_a_teacher_of_other_classes_needs_a_mapping():
    with pytest.raises(InputError, match="maps to 'road'.*name a mapping"):
        class_mapping(CITYSCAPES_19.classes, CAMVID_11.classes, _recipe("t"))


@settings(max_examples=50, deadline=None)
@given(
    scale=st.floats(0.5, 2.0), left=st.integers(0, 16), top=st.integers(0, 16), flipped=st.booleans(),
    crop=st.sampled_from([(32, 32), (64, 48)]),
)  # fmt: skip
def test_soft_labels_are_seen_through_the_crop_that_the_image_is_seen_through(
    tmp_path_factory, scale, left, top, flipped, crop
):
    """Probabilities that grow linearly with x and y stand, wherever the crop is, where the image has them."""
    soft = SoftLabels(tmp_path_factory.mktemp("soft"), {})
    rows, columns = np.mgrid[0:24, 0:32].astype(np.float32)
    places = torch.from_numpy(np.stack([(columns + 0.5) / 32, (rows + 0.5) / 24, np.ones_like(rows)]))
    soft.write(0, places)
    view = View(round(128 * scale), round(96 * scale), left, top, *crop, flipped)
    found = soft.seen(0, (96, 128), view).numpy()
    assert found.shape == (3, crop[1] // 4, crop[0] // 4)
    x = (np.arange(found.shape[2]) + 0.5) * 4
    x = (left + (crop[0] - x if flipped else x)) / view.width
    y = (top + (np.arange(found.shape[1]) + 0.5) * 4) / view.height
    inside = (y[:, None] > 0.03) & (y[:, None] < 0.97) & (x > 0.03) & (x < 0.97)
    np.testing.assert_allclose(found[0][inside], np.broadcast_to(x, inside.shape)[inside], atol=2e-3)
    np.testing.assert_allclose(found[1][inside], np.broadcast_to(y[:, None], inside.shape)[inside], atol=2e-3)
    beside = (y[:, None] > 1.05) | (x > 1.05)
    assert (found[:, beside] == 0).all()


def test_a_sample_shows_labels_where_its_view_says():
    """Labels that are their own column's number, and the view's affine map of it."""
    labels = np.tile(np.arange(200, dtype=np.uint8), (100, 1))
    augment = Augmentation(64, 48, scales=(1.0,))
    for seed in range(20):
        _, shown, view = augment.sample(_image(100, 200), labels, np.random.default_rng(seed))
        (across, _, x), _ = view.affine
        place = (across * (2 * (np.arange(64) + 0.5) / 64 - 1) + x + 1) / 2 * 200 - 0.5
        np.testing.assert_allclose(shown[0], place, atol=1e-3)


def test_the_distance_is_hintons():
    generator = torch.Generator().manual_seed(1)
    logits, theirs = torch.randn(2, 2, 5, 4, 6, generator=generator)
    soft = (theirs / 2).softmax(1)
    expected = functional.kl_div(
        (logits / 2).log_softmax(1).movedim(1, -1).flatten(0, 2), soft.movedim(1, -1).flatten(0, 2),
        reduction="batchmean",
    )  # fmt: skip
    torch.testing.assert_close(distillation(logits, soft, 2.0), 4 * expected)
    assert distillation(theirs, soft, 2.0).abs() < 1e-5
    half = soft.clone()
    half[..., 3:] = 0  # beside the image
    torch.testing.assert_close(
        distillation(logits, half, 2.0), distillation(logits[..., :3], soft[..., :3], 2.0)
    )


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**31), rows=st.integers(1, 6), columns=st.integers(1, 6))
def test_where_a_label_contradicts_the_teacher_its_probabilities_do_not_count(seed, rows, columns):
    generator = torch.Generator().manual_seed(seed)
    soft = torch.randn(2, 3, rows, columns, generator=generator).softmax(1)
    labels = torch.randint(0, 4, (2, rows, columns), generator=generator)
    labels[labels == 3] = UNLABELED
    found = uncontradicted(soft, labels.repeat_interleave(4, -2).repeat_interleave(4, -1))
    taught = (labels == UNLABELED) | (labels == soft.argmax(1))
    assert (found == soft * taught[:, None]).all()
    distance = distillation(torch.randn(2, 3, rows, columns, generator=generator), found, 2.0)
    assert torch.isfinite(distance) and (taught.any() or distance == 0)


def test_the_cache_holds_what_the_teacher_says_now(data, teacher, tmp_path):
    finished(tmp_path, data, "--teacher", teacher, **TEACHES)
    live = Teacher(_recipe(teacher), CAMVID_11.classes)
    pairs = open_dataset("camvid", data, "train")
    kept = sorted((tmp_path / "teacher").glob("*.npy"))
    assert len(kept) == len(pairs) == 10
    for index, path in enumerate(kept):
        said = live.probabilities(pairs.image(index)).numpy()
        np.testing.assert_allclose(np.load(path), said, atol=1e-3)


def test_a_student_follows_its_teacher(data, teacher, tmp_path):
    """By nothing but its soft labels, of images that have no others."""
    only = {**TEACHES, "iterations": 60, "learning_rate": 0.1, "loss": "cross_entropy"}

    def distance(folder, **changes):
        finished(folder, data, "--teacher", teacher, **{**only, **changes})
        rows = (folder / "logs" / "metrics.csv").read_text().splitlines()
        column = rows[0].split(",").index("loss_teacher")
        return float([row.split(",")[column] for row in rows[1:] if row.split(",")[column]][-1])

    assert distance(tmp_path / "with") < 0.7 * distance(tmp_path / "without", teacher_weight=0.0)


def test_images_without_labels_are_labelled_by_the_teacher(data, teacher, tmp_path):
    options = ("--teacher", teacher, "--unlabelled", data / "val" / "images")
    checkpoint = finished(tmp_path, data, *options, **TEACHES)
    assert checkpoint["data_files"]["unlabelled"]["images"] == 3
    assert len(list((tmp_path / "teacher").glob("*.npy"))) == 13


def test_a_run_may_have_no_labels_at_all(data, teacher, tmp_path):
    options = ("--teacher", teacher, "--unlabelled", data / "val" / "images")
    alone = {**TEACHES, "train_split": "", "val_split": "", "batch_size": 2}
    checkpoint = finished(tmp_path / "run", tmp_path / "no data set", *options, **alone)
    assert list(checkpoint["data_files"]) == ["unlabelled"]
    named = data_name(_recipe(teacher, train_split=""), None)
    assert named == "images without labels, taught the classes of camvid"


def test_without_labels_or_a_teachers_images_there_is_nothing_to_train_on(data, tmp_path, capsys):
    assert train_here(tmp_path / "run", data, **{**TEACHES, "train_split": ""}) == 2
    assert "'train_split' is empty; expected a split of camvid, or 'unlabelled'" in capsys.readouterr().err
    with pytest.raises(InputError, match="which counts labels"):
        _recipe("", train_split="", class_weights="inverse_log")


@pytest.mark.slow
def test_a_taught_run_goes_on_as_if_it_had_not_stopped(data, teacher, tmp_path):
    options = ("--teacher", teacher, "--unlabelled", data / "val" / "images")
    straight = finished(tmp_path / "straight", data, *options, **TEACHES)
    folder = tmp_path / "stopped"
    told = "if iteration == 4:\n    os.killpg(0, signal.SIGTERM)"
    TrainingProcess(folder, data, *options, at=told, **TEACHES).end()
    assert not differences(straight, finished(folder, data, "--resume", **TEACHES))


@pytest.mark.parametrize("changed", ["teacher", "images", "teacher_scales", "teacher_temperature"])
def test_a_cache_of_something_else_is_refused(data, teacher, tmp_path, changed, capsys):
    cache = tmp_path / "cache"
    finished(tmp_path / "first", data, "--teacher", teacher, "--teacher-cache", cache, **TEACHES)
    other = {**TEACHES, "teacher_scales": [2.0]} if changed == "teacher_scales" else {**TEACHES}
    options = ["--teacher", teacher, "--teacher-cache", cache]
    if changed == "teacher_temperature":
        other["teacher_temperature"] = 1.0
    elif changed == "teacher":
        options[1] = tmp_path / "first" / "last.ckpt"
    elif changed == "images":
        options += ["--unlabelled", data / "val" / "images"]
    assert train_here(tmp_path / "second", data, *options, **other) == 2
    assert f"made with other {changed}; remove the folder" in capsys.readouterr().err


def test_images_are_known_by_more_than_their_names(data, teacher, tmp_path, capsys):
    cache = ("--teacher", teacher, "--teacher-cache", tmp_path / "cache")
    finished(tmp_path / "first", data, *cache, **TEACHES)
    other = shutil.copytree(data, tmp_path / "other")
    for image in (other / "train" / "images").iterdir():
        cv2.imwrite(str(image), 255 - cv2.imread(str(image)) // 2)
    assert train_here(tmp_path / "second", other, *cache, **TEACHES) == 2
    assert "made with other images; remove the folder" in capsys.readouterr().err


def test_a_run_without_a_teacher_goes_on_without_one(data, teacher, tmp_path, capsys):
    finished(tmp_path / "run", data, iterations=4)
    assert train_here(tmp_path / "run", data, "--resume", "--teacher", teacher, iterations=4) == 2
    assert "began without a teacher" in capsys.readouterr().err


def test_another_teacher_does_not_finish_what_one_began(data, teacher, tmp_path, capsys):
    run = tmp_path / "run"
    finished(run, data, "--teacher", teacher, **TEACHES)
    before = (run / "recipe.yaml").read_bytes()
    shutil.rmtree(run / "teacher")
    assert train_here(run, data, "--resume", "--teacher", run / "best.ckpt", **TEACHES) == 2
    assert f"was taught by another network than {run / 'best.ckpt'}" in capsys.readouterr().err
    assert (run / "recipe.yaml").read_bytes() == before
    (run / "last.ckpt").unlink()
    assert train_here(run, data, "--teacher", teacher, **TEACHES) == 2
    assert "best.ckpt exists, of a run that cannot be resumed" in capsys.readouterr().err


def test_soft_labels_of_another_size_or_damaged_are_named(tmp_path):
    soft = SoftLabels(tmp_path, {})
    soft.write(0, torch.ones(2, 8, 8))
    with pytest.raises(InputError, match="000000.npy is of an image of another size than 64x32"):
        soft.whole(0, (32, 64))
    (tmp_path / "000000.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(InputError, match="000000.npy cannot be read"):
        soft.whole(0, (32, 32))
    (tmp_path / "index.json").write_text("{")
    with pytest.raises(InputError, match="index.json cannot be read"):
        SoftLabels(tmp_path, {})


def test_the_index_says_what_soft_labels_are_made_of(data, teacher, tmp_path):
    finished(tmp_path, data, "--teacher", teacher, **TEACHES)
    index = json.loads((tmp_path / "teacher" / "index.json").read_text())
    assert index["teacher_scales"] == [1.0, 1.5] and index["images"]["images"] == 10


def test_images_without_labels_need_a_teacher_and_a_folder_of_images(teacher, data, tmp_path, capsys):
    with pytest.raises(InputError, match="'unlabelled' needs a 'teacher'"):
        _recipe("", unlabelled=["x"])
    assert train_here(tmp_path, data, "--teacher", teacher, "--unlabelled", tmp_path) == 2
    assert "holds no images" in capsys.readouterr().err
