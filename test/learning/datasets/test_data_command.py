"""`bisenet data check`."""

import json
import struct
import zlib

import cv2
import numpy as np
import pytest
from dataset_trees import TREES, write_camvid, write_imagenet, write_own_folder
from PIL import Image

from bisenet_core.cli import main
from bisenet_core.drives.image_files import read_image
from bisenet_core.errors import InputError
from bisenet_core.learning.datasets import open_dataset


@pytest.mark.parametrize("name", TREES)
def test_sound_data(tmp_path, capsys, name):
    tree = TREES[name](tmp_path / "data")
    file = tmp_path / "out.json"
    assert main(["data", "check", "--dataset", name, "--root", str(tree.root), "--json", str(file)]) == 0
    content = json.loads(file.read_text())
    assert list(content["splits"]) == list(tree.labels)
    for split, labels in tree.labels.items():
        found = content["splits"][split]
        assert found["images"] == len(labels) and found["sizes"] == {"64x48": len(labels)}
        counts = np.bincount(np.concatenate([truth.ravel() for truth in labels.values()]), minlength=256)
        assert list(found["classes"].values()) == counts[: len(found["classes"])].tolist()
        assert found["unlabelled"] == counts[255] and not found["problems"]
    assert "problems" in capsys.readouterr().out


def test_every_problem_is_listed_and_the_status_is_2(tmp_path, capsys):
    root = write_own_folder(tmp_path / "data").root
    (root / "train/labels/0001.png").unlink()
    (root / "val/images/0000.png").write_bytes(b"")
    cv2.imwrite(str(root / "val/labels/0001.png"), np.full((48, 64), 9, np.uint8))
    file = tmp_path / "out.json"
    arguments = ["--dataset", "folder", "--root", str(root), "--workers", "2", "--json", str(file)]
    assert main(["data", "check", *arguments]) == 2
    out, err = capsys.readouterr()
    assert err == f"bisenet: folder below {root}: problems found: 3, each in a line above\n"
    lines = out.splitlines()[-3:]
    assert "0001.png has no labels" in lines[0] and "0000.png is empty" in lines[1] and "id 9" in lines[2]
    splits = json.loads(file.read_text())["splits"]
    assert [line for split in splits.values() for line in split["problems"]] == lines


def test_images_whose_tag_asks_for_a_turn_are_read_as_stored_and_named_once(tmp_path, capsys, caplog):
    root, file = write_own_folder(tmp_path / "data").root, tmp_path / "out.json"
    dataset = open_dataset("folder", root, "train")
    stored, turned = dataset[1][0], Image.Exif()
    turned[0x0112] = 3  # half a turn, which no size tells
    for split in ("train", "val"):
        path = root / split / "images/0001.png"
        Image.open(path).save(path, exif=turned)
    np.testing.assert_array_equal(dataset[1][0], stored)
    arguments = ["--dataset", "folder", "--root", str(root), "--json", str(file)]
    assert main(["data", "check", *arguments]) == 0
    (line,) = caplog.messages
    assert "2 images have a tag (EXIF orientation)" in line and "train/images/0001.png" in line
    assert "mogrify -auto-orient" in line
    splits = json.loads(file.read_text())["splits"]
    assert splits["val"]["not_turned"] == [str(root / "val/images/0001.png")]


def test_labels_of_the_turned_picture_are_a_problem_that_says_so(tmp_path, capsys):
    root, turned = write_own_folder(tmp_path / "data").root, Image.Exif()
    turned[0x0112] = 6
    image, labels = root / "train/images/0001.png", root / "train/labels/0001.png"
    Image.open(image).save(image, exif=turned)
    Image.open(labels).rotate(-90, expand=True).save(labels)
    assert main(["data", "check", "--dataset", "folder", "--root", str(root)]) == 2
    assert f"has an orientation tag (EXIF); `mogrify -auto-orient {image}`" in capsys.readouterr().out


def test_one_split_and_one_that_is_not_there(tmp_path, capsys):
    root = write_camvid(tmp_path).root
    arguments = ["data", "check", "--dataset", "camvid", "--root", str(root), "--split"]
    assert main([*arguments, "val"]) == 0
    assert "train" not in capsys.readouterr().out.split("\n", 1)[1]
    assert main([*arguments, "night"]) == 2
    assert "has no split 'night' of camvid; it has train, val, test" in capsys.readouterr().out


def test_imagenet_counts_images(tmp_path, capsys):
    root = write_imagenet(tmp_path / "data").root
    path = sorted(root.glob("train/*/*.JPEG"))[0]
    path.write_bytes(path.read_bytes()[:-50])
    file = tmp_path / "out.json"
    assert main(["data", "check", "--dataset", "imagenet", "--root", str(root), "--json", str(file)]) == 2
    assert path.name in capsys.readouterr().out
    assert list(json.loads(file.read_text())["splits"]["train"]["classes"].values()) == [3, 4, 4]


@pytest.mark.parametrize("name", ["camvid", "imagenet", "kitti"])
def test_folder_that_holds_something_else(tmp_path, capsys, name):
    assert main(["data", "check", "--dataset", name, "--root", str(tmp_path)]) == 2
    out, err = capsys.readouterr()
    assert not out and err.count("\n") == 1 and name in err.lower()


#: What label files may hold where a class, or all classes, have no pixel; without ids of 1 and 2.
ONE_SIDED = [
    pytest.param([0, 255], 2, "of only class 'rest'", id="masks of 0 and 255"),
    pytest.param([255], 2, "of no class at all", id="nothing labelled"),
    pytest.param([1], 2, "of only class 'lane'", id="one class alone"),
    pytest.param([0], 1, "of only class 'rest'", id="a single class"),
]


@pytest.mark.parametrize(("ids", "classes", "what"), ONE_SIDED)
def test_a_split_with_nothing_to_tell_apart_is_a_problem_and_is_not_trained_on(
    tmp_path, capsys, ids, classes, what
):
    root, names = write_own_folder(tmp_path / "data").root, ["rest", "lane"][:classes]
    colours = [{"id": index, "name": name, "color_rgb": [index] * 3} for index, name in enumerate(names)]
    (root / "classes.json").write_text(json.dumps({"classes": colours}))
    mask = np.resize(np.uint8(ids), (48, 64))
    for path in root.rglob("labels/*.png"):
        cv2.imwrite(str(path), mask)
    where = ["--dataset", "folder", "--root", str(root)]
    assert main(["data", "check", *where]) == 2
    printed = capsys.readouterr()
    first = root / "train/images/0000.png"
    assert f"{first} and all other images of this split have pixels {what};" in printed.out
    assert "problems found: 2" in printed.err
    assert 'map them with "file_ids"' in _refused_training(root, tmp_path, capsys)
    assert not (tmp_path / "run").exists()


def test_a_validation_without_a_labelled_pixel_is_not_begun(tmp_path, capsys):
    root = write_own_folder(tmp_path / "data").root
    for path in (root / "val" / "labels").iterdir():
        cv2.imwrite(str(path), np.full((48, 64), 200, np.uint8))
    line = _refused_training(root, tmp_path, capsys)
    assert f"{root / 'val/images/0000.png'} and all other images" in line and "of no class at all" in line


def _refused_training(root, folder, capsys):
    recipe = folder / "recipe.yaml"
    recipe.write_text("{name: tiny, dataset: folder, options: {alpha: 0.25}, iterations: 1, batch_size: 2}")
    output = ["--output", str(folder / "run")]
    assert main(["train", "--config", str(recipe), "--root", str(root), "--workers", "0", *output]) == 2
    return capsys.readouterr().err.splitlines()[-1]


def test_masks_of_0_and_255_are_mapped_to_two_classes(tmp_path):
    root, file = write_own_folder(tmp_path / "data").root, tmp_path / "out.json"
    colours = [{"id": index, "name": name, "color_rgb": [index] * 3} for index, name in enumerate("ab")]
    (root / "classes.json").write_text(json.dumps({"classes": colours, "file_ids": {"0": 0, "255": 1}}))
    for path in root.rglob("labels/*.png"):
        cv2.imwrite(str(path), np.resize(np.uint8([0, 255]), (48, 64)))
    assert main(["data", "check", "--dataset", "folder", "--root", str(root), "--json", str(file)]) == 0
    half = 4 * 48 * 64 // 2
    assert json.loads(file.read_text())["splits"]["train"]["classes"] == {"a": half, "b": half}


def test_an_image_too_large_to_decode_is_named_by_both_readers(tmp_path, capsys):
    root = write_own_folder(tmp_path / "data").root
    image = root / "train" / "images" / "0000.png"
    data = bytearray(image.read_bytes())
    data[16:24] = struct.pack(">II", 40000, 40000)
    data[29:33] = struct.pack(">I", zlib.crc32(bytes(data[12:29])))
    image.write_bytes(data)
    assert main(["data", "check", "--dataset", "folder", "--root", str(root)]) == 2
    line = f"{image} has more pixels than the 2^27"
    assert line in capsys.readouterr().out
    with pytest.raises(InputError) as refused:
        read_image(image)
    assert str(refused.value).startswith(line)
