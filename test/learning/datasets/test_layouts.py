"""Every data set in every layout that people have it in: names, splits and train ids come out right."""

import json
import pickle
import shutil
import unicodedata
from pathlib import Path

import cv2
import numpy as np
import pytest
from dataset_trees import (
    LAYOUTS,
    UNLABELED,
    write_camvid_segnet,
    write_cityscapes,
    write_imagenet,
    write_own_folder,
    write_own_list,
)
from hypothesis import given
from hypothesis import strategies as st

from bisenet_core.errors import InputError
from bisenet_core.learning.datasets import DATASET_NAMES, open_classification, open_dataset, splits_of
from bisenet_core.learning.datasets.layouts import pair_up
from bisenet_core.learning.datasets.published import split_of


@pytest.fixture(scope="module", params=LAYOUTS)
def tree(request, tmp_path_factory):
    """(data set name, its Tree)."""
    dataset, write = LAYOUTS[request.param]
    return dataset, write(tmp_path_factory.mktemp("tree"))


def test_train_ids_and_names_are_those_that_were_written(tree):
    name, (root, truth) = tree
    for split, labels in truth.items():
        dataset = open_dataset(name, root, split)
        assert {dataset.name(i) for i in range(len(dataset))} == set(labels)
        assert len(dataset) == len(labels)
        for index in range(len(dataset)):
            image, found = dataset[index]
            np.testing.assert_array_equal(found, labels[dataset.name(index)])
            assert image.dtype == found.dtype == np.uint8 and image.shape == (*found.shape, 3)
            assert (found < dataset.label_space.num_classes).any() and (found == UNLABELED).any()


def test_image_belongs_to_its_labels(tree):
    """Each class has its colour, so that a swapped pair or BGR for RGB would be far off."""
    name, (root, truth) = tree
    dataset = open_dataset(name, root, next(iter(truth)))
    image, labels = dataset[0]
    expected = dataset.label_space.palette_lut()[labels].astype(int)
    assert np.abs(image.astype(int) - expected)[labels != UNLABELED].mean() < 30


def test_worker_processes_can_be_sent_a_dataset(tree):
    name, (root, truth) = tree
    dataset = open_dataset(name, root, next(iter(truth)))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(dataset))[0][1], dataset[0][1])


def test_missing_split_says_which_there_are(tree):
    name, (root, truth) = tree
    with pytest.raises(InputError, match=f"no split 'night' of {name}; it has {', '.join(truth)}"):
        open_dataset(name, root, "night")


def test_splits_are_joined(tree):
    name, (root, truth) = tree
    dataset = open_dataset(name, root, "train+val")
    names = {dataset.name(i) for i in range(len(dataset))}
    assert names == {f"{split}/{n}" for split in ("train", "val") for n in truth[split]}
    np.testing.assert_array_equal(dataset[len(truth["train"])][1], truth["val"][dataset.name(4)[4:]])


def test_unknown_dataset_suggests_the_nearest(tmp_path):
    with pytest.raises(InputError, match="did you mean 'cityscapes'"):
        open_dataset("cityscape", tmp_path, "train")


@pytest.mark.parametrize("name", sorted(set(DATASET_NAMES) - {"folder", "list"}))
def test_empty_root_is_told_what_to_hold(tmp_path, name):
    with pytest.raises(InputError, match=f"does not look like {name}; expected below it"):
        splits_of(name, tmp_path)


def test_root_that_is_no_folder(tmp_path):
    with pytest.raises(InputError, match="nowhere is not a folder"):
        open_dataset("camvid", tmp_path / "nowhere", "train")


def test_label_ids_come_before_train_ids(tmp_path):
    """A cityscapes folder that has both: the ids of the data set itself count."""
    tree = write_cityscapes(tmp_path)
    write_cityscapes(tmp_path, label_files="labelTrainIds", seed=50)
    dataset = open_dataset("cityscapes", write_cityscapes(tmp_path).root, "val")
    np.testing.assert_array_equal(dataset[0][1], tree.labels["val"][dataset.name(0)])


def test_folders_of_another_layout_do_not_confuse(tmp_path):
    """SegNet's distribution in a folder where somebody keeps results."""
    write_camvid_segnet(tmp_path)
    for extra in ("runs", "images"):
        (tmp_path / extra).mkdir()
    assert splits_of("camvid", tmp_path) == ["train", "val", "test"]


def test_hidden_files_and_lists_comments_are_no_samples(tmp_path):
    root = write_own_list(tmp_path / "list").root
    text = (root / "val.txt").read_text()
    (root / "val.txt").write_text(f"# image, labels\n\n{text.replace(' ', ', ')}")
    assert len(open_dataset("list", root, "val")) == 2
    root = write_camvid_segnet(tmp_path / "camvid").root
    shutil.copy(next((root / "val").iterdir()), root / "val" / "._hidden.png")
    assert len(open_dataset("camvid", root, "val")) == 2


@pytest.mark.parametrize(("split", "count"), [("train", 367), ("val", 101), ("test", 233)])
def test_camvid_as_published(camvid_root, split, count):
    dataset = open_dataset("camvid", camvid_root, split)
    image, labels = dataset[0]
    assert len(dataset) == count
    assert image.shape == (360, 480, 3) and labels.shape == (360, 480)
    assert set(np.unique(labels)) <= {*range(11), 255}
    # the rule by which the colour original is split is that of the published lists
    assert {split_of(dataset.name(i)) for i in range(count)} == {split}


@given(st.sets(st.integers(0, 30)), st.sets(st.integers(0, 30)))
def test_every_file_is_paired_or_named(images, labels):
    pairs, unpaired = pair_up(
        Path("i"), [f"{n}.jpg" for n in images], (".jpg",), Path("l"), [f"{n}.png" for n in labels], ".png"
    )
    assert {int(pair.name) for pair in pairs} == images & labels
    assert len(unpaired) == len(images ^ labels)


def test_a_map_says_which_class_each_id_of_the_files_is(tmp_path):
    """0 without a class, gaps, 255 as a class, two ids of one class; the ignore_id still has none."""
    root = write_own_folder(tmp_path).root
    content = json.loads((root / "classes.json").read_text())
    content["file_ids"] = {"0": None, "7": 0, "9": 0, "100": 1, "255": 2}
    (root / "classes.json").write_text(json.dumps(content))
    cv2.imwrite(str(root / "val/labels/0000.png"), np.tile(np.uint8([0, 7, 9, 100, 255, 200, 0, 7]), (48, 8)))
    labels = open_dataset("folder", root, "val")[0][1]
    assert labels[0, :8].tolist() == [UNLABELED, 0, 0, 1, 2, UNLABELED, UNLABELED, 0]
    cv2.imwrite(str(root / "val/labels/0000.png"), np.full((48, 64), 1, np.uint8))
    with pytest.raises(InputError, match='holds label id 1; expected 0, 7, 9, 100, 255, the "file_ids" of '):
        open_dataset("folder", root, "val")[0]


def _copied(root, into):
    """The training split once more, as a folder of that name beside its images and its labels."""
    for kind in ("images", "labels"):
        shutil.copytree(root / "train" / kind, root / "train" / kind / into)


@pytest.mark.parametrize("hidden", [".ipynb_checkpoints", "day/.cache/thumbnails"])
def test_hidden_folders_hold_no_samples_at_any_depth(tmp_path, hidden):
    root = write_own_folder(tmp_path).root
    _copied(root, hidden)
    (root / ".git" / "images").mkdir(parents=True)
    (root / ".git" / "labels").mkdir()
    assert splits_of("folder", root) == ["train", "val"]
    assert len(open_dataset("folder", root, "train")) == 4
    _copied(root, "night")
    assert len(open_dataset("folder", root, "train")) == 8, "others do"


@pytest.mark.parametrize("target", [".", "..", "../..", "day", "night"])
def test_links_add_no_sample_twice(tmp_path, target):
    """To itself, its split, the whole data set; to a folder that is walked anyway, before or after it."""
    root = write_own_folder(tmp_path / "data").root
    _copied(root, "day/first")
    for kind in ("images", "labels"):
        (root / "train" / kind / "night").mkdir()
        (root / "train" / kind / "loop").symlink_to(target)
    dataset = open_dataset("folder", root, "train")
    assert [dataset.name(index) for index in range(4)] == [f"000{index}" for index in range(4)]
    assert len(dataset) == 8 and dataset.name(4) == "day/first/0000"


def test_folders_that_lie_elsewhere_are_followed_by_links(tmp_path):
    root, other = write_own_folder(tmp_path / "data").root, write_own_folder(tmp_path / "other", seed=9).root
    for kind in ("images", "labels"):
        (root / "train" / kind / "more").symlink_to(other / "train" / kind)
        (other / "train" / kind / "back").symlink_to(root / "train" / kind)
    assert len(open_dataset("folder", root, "train")) == 8


def _renamed(path, stem):
    return path.rename(path.with_name(stem + path.suffix))


@pytest.mark.parametrize("forms", [("NFC", "NFD"), ("NFD", "NFC"), ("NFD", "NFD")])
def test_names_pair_up_however_their_accents_are_written(tmp_path, forms):
    """As macOS and others write them: in folders, and of lists and files; the folder's own name as well."""
    image, label = (unicodedata.normalize(form, "caf\u00e9") for form in forms)
    root = write_own_folder(tmp_path / "folder").root
    _renamed(root / "val/images/0000.png", image), _renamed(root / "val/labels/0000.png", label)
    assert open_dataset("folder", root, "val").name(1) == "caf\u00e9"
    root = write_own_list(tmp_path / image).root
    first = (root / "val.txt").read_text().split()[:2]
    moved = [_renamed(root / path, image) for path in first]
    listed = " ".join(unicodedata.normalize(forms[1], str(path.relative_to(root))) for path in moved)
    (root / "val.txt").write_text(listed, encoding="utf-8")
    dataset = open_dataset("list", root, "val")
    assert dataset[0][1].any() and dataset.name(0).endswith("caf\u00e9")


def test_a_byte_order_mark_begins_no_name(tmp_path):
    """As Windows' editors write it."""
    root, mark = write_own_list(tmp_path).root, b"\xef\xbb\xbf"
    for name in ("val.txt", "classes.json"):
        (root / name).write_bytes(mark + (root / name).read_bytes())
    assert len(open_dataset("list", root, "val")) == 2


def test_texts_beside_lists_are_no_splits(tmp_path):
    root = write_own_list(tmp_path).root
    (root / "night.txt").write_text((root / "val.txt").read_text())
    (root / "README.txt").write_text("Photographs of our yard.\nSee a.png b.png\nand others.\n\nTwo words\n")
    (root / "requirements.txt").write_text("numpy >=1.20\npillow >=9\n")
    (root / "labels.txt").write_text("0 ground\n1 shelf\n")
    (root / "empty.txt").write_text("")
    (root / "latin.txt").write_bytes(b"caf\xe9 a.png")
    assert splits_of("list", root) == ["train", "val", "night"]


def test_endings_of_label_files_may_be_in_capitals(tmp_path):
    root = write_own_folder(tmp_path).root
    for path in (root / "val/labels").iterdir():
        path.rename(path.with_suffix(".PNG"))
    assert len(open_dataset("folder", root, "val")) == 2


def test_hidden_class_folders_and_lists_are_none(tmp_path):
    images, lists = write_imagenet(tmp_path / "images").root, write_own_list(tmp_path / "lists").root
    shutil.copytree(next((images / "train").iterdir()), images / "train" / ".ipynb_checkpoints")
    assert len(open_classification(images, "train").classes) == 3
    (lists / "._train.txt").write_bytes(b"\0\5\x16\7")
    assert splits_of("list", lists) == ["train", "val"]
