"""Files of others that never end, or hold what no machine does: one line for each, at once."""

import json
import os
import struct
import subprocess
import sys
import zipfile
import zlib

import pytest

from bisenet_core.drives.image_files import read_image
from bisenet_core.drives.truth.label_images import read_labels
from bisenet_core.errors import InputError, parsing
from bisenet_core.files import read_json, read_regular
from bisenet_core.learning.checkpoint import read_checkpoint
from bisenet_core.learning.datasets.layouts import PathLists, lines_of
from bisenet_core.learning.datasets.opening import read_classes
from bisenet_core.learning.recipe import Recipe
from bisenet_core.runtime.model_card import ModelCard

READERS = {"a.png": read_image, "b.png": read_labels, "c.ckpt": read_checkpoint, "train.txt": lines_of,
           "classes.json": read_classes, "recipe.yaml": Recipe.load,
           "model.json": lambda path: ModelCard.load(path.parent)}
DEEP = "[" * 100 + "]" * 100


def refuse(read, path):
    with pytest.raises(InputError) as caught:
        read(path)
    text = str(caught.value)
    assert str(path) in text and text.isprintable()
    return text


@pytest.mark.parametrize("name", READERS)
def test_pipes_and_devices_are_no_files(tmp_path, name):
    os.mkfifo(tmp_path / name)
    assert "regular file" in refuse(READERS[name], tmp_path / name)
    (tmp_path / name).unlink()
    (tmp_path / name).symlink_to("/dev/zero")
    assert "regular file" in refuse(READERS[name], tmp_path / name)


@pytest.mark.parametrize("name", ["classes.json", "model.json"])
@pytest.mark.parametrize("text", ["[" * 9999, DEEP, "9" * 400, str(2**63), "1" * 9999, "\xff", "{"])
def test_json_without_end_is_refused(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(f'{{"classes": [], "mean": {text}}}', encoding="latin-1")
    refuse(READERS[name], path)


@pytest.mark.parametrize("text", ["[" * 9999, DEEP, "9" * 400, "1" + ":1" * 99999, "&b [*b]", "2001-13-45"])
def test_yaml_without_end_is_refused(tmp_path, text):
    path = tmp_path / "recipe.yaml"
    path.write_text(f"seed: {text}")
    refuse(Recipe.load, path)


def test_files_larger_than_what_is_meant_are_not_read(tmp_path):
    path = tmp_path / "large"
    path.write_bytes(bytes(11))
    assert read_regular(path, 11) == bytes(11)
    with pytest.raises(OSError, match="11 bytes"):
        read_regular(path, 10)
    (tmp_path / "a.png").touch()
    os.truncate(tmp_path / "a.png", 1 << 40)
    assert "expected at most" in refuse(read_image, tmp_path / "a.png")
    (tmp_path / "train.txt").write_text("a\n" * (1 << 21))
    assert "lines" in refuse(lines_of, tmp_path / "train.txt")
    assert read_json_of(tmp_path, {"a": [1, -(2**63), 1.5, None]}) == {"a": [1, -(2**63), 1.5, None]}


def read_json_of(folder, content):
    (folder / "some.json").write_text(json.dumps(content))
    return read_json(folder / "some.json")


def test_a_checkpoint_does_not_unpack_to_more_than_it_is(tmp_path):
    path = tmp_path / "bomb.ckpt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(1 << 24))
    assert "unpack to more" in refuse(read_checkpoint, path)


def test_a_small_file_is_not_decoded_to_a_picture_of_gigabytes(tmp_path):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    size = struct.pack(">IIBBBBB", 30000, 30000, 8, 0, 0, 0, 0)
    path = tmp_path / "b.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", b"") + chunk(b"IEND", b""))
    assert "30000x30000" in refuse(read_labels, path)
    program = "import sys; from bisenet_core.drives.image_files import *; read_image(Path(sys.argv[1]))"
    ended = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True)
    assert "InputError" in ended.stderr and "2^27" in ended.stderr


@pytest.mark.parametrize("error", [RecursionError(), MemoryError(), OverflowError("\n\x1b[31m"), KeyError(1)])
def test_whatever_a_parser_raises_is_one_line(error):
    with pytest.raises(InputError) as caught, parsing("drive.db3"):
        raise error
    assert str(caught.value).startswith("drive.db3: ") and str(caught.value).isprintable()


def test_a_line_that_names_the_folder_itself_is_refused(tmp_path):
    (tmp_path / "train.txt").write_text("., b.png\n")
    refuse(lambda path: PathLists(None).read(tmp_path, "train"), tmp_path / "train.txt")


def test_a_name_longer_than_any_file_has_is_one_that_is_missing(tmp_path):
    (tmp_path / "train.txt").write_text(f"a.jpg, {'é' * 999}.png\n", encoding="utf-8")
    assert len(PathLists(None).read(tmp_path, "train").unpaired) == 2
