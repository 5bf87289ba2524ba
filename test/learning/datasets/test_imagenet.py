"""ImageNet's folders of classes."""

import shutil

import numpy as np
import pytest
from dataset_trees import write_imagenet

from bisenet_core.errors import InputError
from bisenet_core.learning.datasets import open_classification


@pytest.mark.parametrize("below", ["", "ILSVRC/Data/CLS-LOC"])
def test_both_splits_number_the_classes_alike(tmp_path, below):
    tree = write_imagenet(tmp_path / below)
    for split, classes in tree.classes.items():
        dataset = open_classification(tmp_path, split)
        assert {dataset.name(i): dataset[i][1] for i in range(len(dataset))} == classes
        image, _ = dataset[0]
        assert image.dtype == np.uint8 and image.ndim == 3
        assert list(dataset.classes) == sorted({name.split("/")[0] for name in classes})


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda root: shutil.rmtree(root / "val"), "no split 'val'; it has train"),
        (lambda root: _flatten(root / "val"), "val has no class folders; sort its images into"),
        (lambda root: (root / "val" / "n99999999").mkdir(), "n99999999: a class folder that is not in train"),
        (lambda root: shutil.rmtree(root / "val/n01440764"), "n01440764: a class folder that train has"),
        (lambda root: _empty(root / "val/n01440764"), "n01440764 holds no images"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, damage, message):
    root = write_imagenet(tmp_path).root
    damage(root)
    with pytest.raises(InputError, match=message):
        open_classification(root, "val")


def test_truncated_image_is_named(tmp_path):
    dataset = open_classification(write_imagenet(tmp_path).root, "train")
    path = dataset.image_path(3)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(InputError, match=path.name):
        dataset[3]


def test_images_of_a_kind_that_is_not_trained_on_are_named(tmp_path):
    root = write_imagenet(tmp_path).root
    (root / "train/n01440764/extra.webp").write_bytes(b"RIFF")
    (line,) = open_classification(root, "train").unpaired
    assert "n01440764/extra.webp is of a kind that is not trained on" in line
    assert not open_classification(root, "val").unpaired


def _flatten(folder):
    for path in list(folder.glob("*/*")):
        path.rename(folder / path.name)
    for path in list(folder.iterdir()):
        if path.is_dir():
            path.rmdir()


def _empty(folder):
    for path in folder.iterdir():
        path.unlink()
