"""Datasets on disk."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from bisenet_core.errors import InputError
from bisenet_core.learning.datasets import open_dataset

CAMVID = Path(__file__).resolve().parents[3] / "shared" / "data" / "camvid"


@pytest.mark.skipif(not CAMVID.is_dir(), reason="CamVid is not beside the project")
@pytest.mark.parametrize(("split", "count"), [("train", 367), ("val", 101), ("test", 233)])
def test_camvid_as_published(split, count):
    pairs = open_dataset("camvid", CAMVID, split)
    image, labels = pairs[0]
    assert len(pairs) == count
    assert image.shape == (360, 480, 3) and labels.shape == (360, 480)
    assert set(np.unique(labels)) <= {*range(11), 255}


def _write(path, labels):
    cv2.imwrite(str(path), labels)


def _broken(street_dataset, tmp_path, damage):
    root = tmp_path / "streets"
    shutil.copytree(street_dataset, root)
    damage(root / "train")
    pairs = open_dataset("camvid", root, "train")
    return [pairs[i] for i in range(len(pairs))]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda d: (d / "labels" / "002.png").unlink(), "002.png"),
        (lambda d: (d / "images" / "001.png").write_bytes(b"no image"), "001.png is not a readable image"),
        (lambda d: _write(d / "labels" / "003.png", np.zeros((8, 8), np.uint8)), "expected .64, 96."),
        (lambda d: _write(d / "labels" / "004.png", np.full((64, 96), 12, np.uint8)), "label id 12"),
        (lambda d: shutil.rmtree(d / "images"), "is not a folder"),
        (lambda d: [p.unlink() for p in (d / "images").iterdir()], "holds no images"),
    ],
)
def test_damage_is_named(street_dataset, tmp_path, damage, message):
    with pytest.raises(InputError, match=message):
        _broken(street_dataset, tmp_path, damage)


def test_unknown_dataset_lists_the_known(tmp_path):
    with pytest.raises(InputError, match="known: camvid"):
        open_dataset("kitti", tmp_path, "train")
