"""What is wrong with data is said in one line that names the file, and once for each file."""

import io
import json
import re
import shutil

import cv2
import numpy as np
import pytest
from dataset_trees import (
    OWN,
    write_ade20k,
    write_camvid,
    write_camvid_original,
    write_cityscapes,
    write_cocostuff_10k,
    write_cocostuff_164k,
    write_own_folder,
    write_own_list,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from bisenet_core.errors import InputError
from bisenet_core.learning.datasets import find_dataset, open_dataset, survey
from bisenet_core.learning.datasets.image_file import lacks_pixels, read_image
from bisenet_core.learning.datasets.label_coding import read_ids
from bisenet_core.learning.datasets.opening import read_classes


def _truncate(path, share=0.6):
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])


def _save(path, kind, pixels=None):
    """The image, or ``pixels``, as a file of another kind in its place."""
    image = Image.open(path) if pixels is None else Image.fromarray(pixels)
    image.save(path.with_suffix(f".{kind}"))
    path.unlink(missing_ok=True)


def _palette_png(path, ids):
    image = Image.frombytes("P", ids.shape[::-1], ids.tobytes())
    image.putpalette(np.random.default_rng(0).integers(0, 255, 768).astype(np.uint8).tobytes())
    image.save(path)


def _only_problem(name, root, split="train"):
    problems = survey(find_dataset(name, root, split), workers=2).problems
    assert len(problems) == 1, problems
    assert "\n" not in problems[0]
    return problems[0]


GREY = np.zeros((48, 64), np.uint8)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda d: (d / "labels/0002.png").unlink(), "images/0002.png has no labels; expected .*/0002.png"),
        (lambda d: (d / "images/0001.png").unlink(), "images/0001.jpg or .jpeg or .png"),
        (lambda d: (d / "images/0001.png").write_bytes(b"no image"), "images/0001.png is not a readable"),
        (lambda d: (d / "images/0001.png").write_bytes(b""), "images/0001.png is empty"),
        (lambda d: _truncate(d / "images/0003.png"), "images/0003.png is not .* or is truncated"),
        (lambda d: _truncate(d / "labels/0003.png"), "labels/0003.png: damaged image: its .* end before"),
        (lambda d: cv2.imwrite(str(d / "labels/0003.png"), GREY[:8]), "labels/0003.png is 64x8 .* is 64x48"),
        (
            lambda d: cv2.imwrite(str(d / "labels/0001.png"), GREY + 7),
            "0001.png holds label id 7; expected 0",
        ),
        (lambda d: cv2.imwrite(str(d / "labels/0001.png"), np.dstack([GREY] * 3)), "1.png: it is a colour"),
        (
            lambda d: cv2.imwrite(str(d / "labels/0001.png"), GREY.astype(np.uint16) + 300),
            "0001.png: it holds id 300; class ids are 0 to 255",
        ),
        (lambda d: Image.fromarray(GREY).save(d / "labels/0001.png", "jpeg"), "0001.png: it is a JPEG"),
        (lambda d: shutil.copy(d / "images/0000.png", d / "images/0000.jpg"), "share one label file"),
        (lambda d: shutil.copy(d / "labels/0000.png", d / "labels/0000.PNG"), "0.png and .* of one image"),
        (lambda d: _save(d / "images/0001.png", "webp"), "0001.webp is of a kind that is not"),
        (lambda d: _save(d / "images/extra.png", "gif", GREY), "extra.gif is of a kind that is not"),
        (lambda d: (d / "images/x.heic").write_bytes(b"heic"), "x.heic is of a kind that is not"),
        (
            lambda d: cv2.imwrite(str(d / "images/0001.png"), np.zeros((48, 64, 3), np.uint16)),
            "images/0001.png has 16 bits a channel",
        ),
    ],
)
def test_damage_is_named_once(tmp_path, damage, message):
    root = write_own_folder(tmp_path).root
    damage(root / "train")
    assert re.search(message, _only_problem("folder", root))


@pytest.mark.parametrize("options", [{}, {"progressive": 1}, {"quality": 95}, {"restart_marker_blocks": 1}])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_jpeg_cut_off_and_ended_is_told_from_a_whole_one(options, mode):
    """As drivers end what they could not transfer. Decoders fill up the rest without a word."""
    file = io.BytesIO()
    Image.fromarray(PICTURE.repeat(6, 0).repeat(6, 1)).convert(mode).save(file, "jpeg", **options)
    content = file.getvalue()
    assert not lacks_pixels(content) and not lacks_pixels(content + b"\xff\xd9 trailing bytes")
    header = content.rfind(b"\xff\xda") + 14
    for share in (0.1, 0.5, 0.9):
        left = header + int(share * (len(content) - header))
        assert lacks_pixels(content[:left] + b"\xff\xd9"), share
    tiny = cv2.imencode(".jpg", GREY[:3, :5])[1].tobytes()
    assert not lacks_pixels(tiny) and not lacks_pixels(b"") and not lacks_pixels(content[:40] + b"\xff\xd9")


def test_a_jpeg_cut_off_and_ended_is_a_problem(tmp_path):
    root = write_own_list(tmp_path).root
    path = sorted(root.rglob("train*.jpg"))[0]
    _truncate(path, 0.8)
    path.write_bytes(path.read_bytes() + b"\xff\xd9")
    assert f"{path} is a truncated JPEG, though it has an end marker" in _only_problem("list", root)


def test_opening_refuses_incomplete_pairs_and_counts_them(tmp_path):
    root = write_own_folder(tmp_path).root
    for name in ("0001.png", "0003.png"):
        (root / "train/labels" / name).unlink()
    with pytest.raises(InputError, match="0001.png has no labels; .* .1 more such; see bisenet data check"):
        open_dataset("folder", root, "train")


def test_all_problems_are_listed_and_the_rest_is_counted(tmp_path):
    root = write_own_folder(tmp_path, {"train": 70}, (16, 16)).root
    (root / "train/images/0068.png").unlink()
    _truncate(root / "train/images/0002.png")
    cv2.imwrite(str(root / "train/labels/0040.png"), GREY[:16, :16] + 9)
    done = []
    result = survey(find_dataset("folder", root, "train"), 2, done.append)
    assert [re.search(r"\d{4}", problem)[0] for problem in result.problems] == ["0068", "0002", "0040"]
    assert sum(done) == 69 and result.sizes == {(16, 16): 67} and sum(result.counts.values()) == 67 * 16 * 16


def test_number_of_threads_changes_nothing(tmp_path):
    root = write_camvid(tmp_path, {"train": 70}, (16, 16)).root
    one, four = (survey(find_dataset("camvid", root, "train"), workers) for workers in (1, 4))
    assert one == four and sum(one.counts.values()) == 70 * 16 * 16


def test_ids_are_read_from_palettes_and_from_1_to_16_bits(tmp_path):
    """As VOC's and many labelling tools' files are; see test_label_images for every kind of PNG."""
    ids = np.arange(48 * 64, dtype=np.uint8).reshape(48, 64) % 3
    _palette_png(tmp_path / "palette.png", ids)
    Image.fromarray(ids == 1).save(tmp_path / "bit.png")
    cv2.imwrite(str(tmp_path / "16.png"), ids.astype(np.uint16))
    for name, expected in (("palette", ids), ("bit", ids == 1), ("16", ids)):
        np.testing.assert_array_equal(read_ids(tmp_path / f"{name}.png"), expected)


@pytest.mark.parametrize(
    ("write", "name", "label", "bad", "message"),
    [
        (write_cityscapes, "cityscapes", "gtFine/train/aachen/*_labelIds.png", 34, "id 34; expected Citys"),
        (write_ade20k, "ade20k", "annotations/training/*.png", 151, "id 151; expected 1 to 150"),
        (write_cocostuff_164k, "cocostuff", "annotations/train2017/*.png", 11, "id 11; expected COCO"),
        (
            write_camvid,
            "camvid",
            "train/labels/*.png",
            12,
            "id 12; expected 0 to 10 (CamVid-11), or 11 or 255",
        ),
    ],
)
def test_ids_that_a_data_set_lacks(tmp_path, write, name, label, bad, message):
    root = write(tmp_path).root
    cv2.imwrite(str(sorted(root.glob(label))[0]), np.full((48, 64), bad, np.uint8))
    assert message in _only_problem(name, root)


def test_colour_that_camvid_lacks_and_a_grey_image_in_its_place(tmp_path):
    root = write_camvid_original(tmp_path).root
    label = root / "LabeledApproved_full/0016E5_00390_L.png"
    image = cv2.imread(str(label))
    image[5, 9] = (3, 2, 1)
    cv2.imwrite(str(label), image)
    problem = _only_problem("camvid", root)
    assert "00390_L.png holds the colour (1, 2, 3) at x 9, y 5; expected the 32" in problem
    cv2.imwrite(str(label), GREY)
    assert "00390_L.png is no colour image" in _only_problem("camvid", root)


def test_broken_mat_file(tmp_path):
    root = write_cocostuff_10k(tmp_path).root
    _truncate(root / "annotations/COCO_train2014_000000000001.mat")
    assert "000000000001.mat holds no label matrix S" in _only_problem("cocostuff", root)


def test_lists_name_what_is_missing_or_wrong(tmp_path):
    root = write_own_list(tmp_path).root
    (root / "truth/train1.png").unlink()
    assert "truth/train1.png is missing, though listed" in _only_problem("list", root)
    with (root / "val.txt").open("a") as lines:
        lines.write((root / "val.txt").read_text().splitlines()[0] + "\n")
    assert "val0.jpg is listed twice" in _only_problem("list", root, "val")
    (root / "val.txt").write_text("one two three\n")
    with pytest.raises(InputError, match="line 1 of .*val.txt has 3 paths"):
        open_dataset("list", root, "val")


def test_labels_of_another_kind(tmp_path):
    root = write_cityscapes(tmp_path).root
    for path in root.rglob("*_labelIds.png"):
        path.unlink()
    with pytest.raises(InputError, match="no label files; expected ._gtFine_labelIds.png or ._gtFine_l"):
        open_dataset("cityscapes", root, "train")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.pop("classes"), '"classes" is no list'),
        (lambda c: c["classes"].clear(), "0 classes; expected 1 to 255"),
        (lambda c: c["classes"][1].pop("color_rgb"), "class number 2 is"),
        (lambda c: c["classes"][1].update(id=0), "ids must be 0 to 2, each once"),
        (lambda c: c["classes"][1].update(name="ground"), "class names must differ"),
        (lambda c: c["classes"][0].update(color_rgb=[0, 0, 256]), "not three values from 0 to 255"),
        (lambda c: c.update(ignore_id=1), "ignore_id 1 is a class id"),
        (lambda c: c.update(file_ids={"0": 0, "7": 1, "255": 3}), '"file_ids" is .* its class, 0 to 2'),
        (lambda c: c.update(file_ids={"256": 0}), '"file_ids" is {"256": 0}; expected ids .* 0 to 255'),
        (lambda c: c.update(file_ids=[0, 255]), '"file_ids" is .0, 255.; expected'),
        (lambda c: c.update(file_ids={"0": 0, "1": 1, "2": None}), "no id in .* is class 'forklift'"),
        (lambda c: c.update(ignore_id="none"), 'ignore_id is "none"; expected a whole number'),
    ],
)
def test_malformed_classes_are_named(tmp_path, change, message):
    root = write_own_folder(tmp_path).root
    content = json.loads((root / "classes.json").read_text())
    change(content)
    (root / "classes.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=f"classes.json: .*{message}"):
        open_dataset("folder", root, "train")


def test_classes_as_written_and_their_absence(tmp_path):
    root = write_own_folder(tmp_path).root
    assert read_classes(root / "classes.json") == OWN
    (root / "classes.json").write_text("{")
    with pytest.raises(InputError, match="classes.json is no JSON"):
        open_dataset("folder", root, "train")
    (root / "classes.json").unlink()
    with pytest.raises(InputError, match="classes.json is missing; it names the classes"):
        open_dataset("folder", root, "train")


RNG = np.random.default_rng(0)
PICTURE = RNG.integers(0, 255, (24, 32, 3), np.uint8)
IDS = PICTURE[..., 0] % 3


@pytest.fixture(scope="module", params=["image.jpg", "image.png", "labels.png"])
def whole(request, tmp_path_factory):
    """(a file, its content, what reads it)."""
    path = tmp_path_factory.mktemp("whole") / request.param
    assert cv2.imwrite(str(path), IDS if path.stem == "labels" else PICTURE)
    return path, path.read_bytes(), read_ids if path.stem == "labels" else read_image


@settings(max_examples=50)
@given(left=st.integers(0, 10**6))
def test_truncation_is_noticed_unless_nothing_is_lost(whole, left):
    """A PNG's checksums and end marker may be cut off without loss."""
    path, content, read = whole
    path.write_bytes(content)
    expected = read(path)
    path.write_bytes(content[: left % len(content)])
    try:
        np.testing.assert_array_equal(read(path), expected)
    except InputError as error:
        assert path.name in str(error)
    else:
        assert path.suffix == ".png" and len(content) - left % len(content) < 24


@settings(max_examples=50)
@given(place=st.integers(0, 10**6), flip=st.integers(1, 255))
def test_a_changed_byte_raises_nothing_but_an_input_error(whole, place, flip):
    path, content, read = whole
    changed = bytearray(content)
    changed[place % len(content)] ^= flip
    path.write_bytes(changed)
    try:
        read(path)
    except InputError as error:
        assert path.name in str(error)
