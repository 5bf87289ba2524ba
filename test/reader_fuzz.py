"""Files at random for the readers of foreign files: good ones whose fields, bytes and lengths are changed."""

import json
import struct
from contextlib import suppress

import cv2
import numpy as np
import torch
import yaml
from recorded_bags import images, labels, png, storage_file, write_bag, write_ros1_bag
from rosbags.rosbag2 import StoragePlugin

from bisenet_core.drives.bag_drive import BagDrive
from bisenet_core.drives.truth.label_images import read_labels
from bisenet_core.drives.video_drive import VideoDrive
from bisenet_core.errors import InputError
from bisenet_core.labels.label_space import CAMVID_11
from bisenet_core.learning.checkpoint import label_space_values, read_checkpoint
from bisenet_core.learning.datasets.layouts import PathLists
from bisenet_core.learning.datasets.opening import own_list
from bisenet_core.learning.recipe import Recipe
from bisenet_core.models.weights.torch_file import read_published
from bisenet_core.runtime.model_card import ModelCard

_NUMBERS = (0, 1, 127, 255, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1)
_VALUES = (None, True, -1, 2**63, 10**400, 1e308, float("inf"), "", "\x1b[31m", "a" * 999, [], {},
           [[]] * 9, {"": 0})
_TOKENS = (b"[" * 999, b"{", b"&a ", b"*a", b": ", b"\n", b"\0", b"\xff", b"9" * 99, b".inf", b"1:1:1",
           b"<<: ", b"!!set ")


def _read_bag(path):
    with BagDrive(path) as drive:
        drive.notes()
        assert all(frame.problem.isprintable() for frame in drive.frames())


def _read_video(path):
    drive = VideoDrive(path)
    assert len(drive) >= 0
    for _ in drive.frames(stop=8):
        pass


def _read_list(path):
    PathLists(own_list(path.parent).layouts[0].coding).read(path.parent, "train")


def _read_weights(path):
    with suppress(InputError):
        read_checkpoint(path)
    read_published(path)


#: Reader -> its file's name and what reads it.
READERS = {
    "mcap": ("drive.mcap", _read_bag), "sqlite": ("drive.db3", _read_bag), "ros1": ("drive.bag", _read_bag),
    "metadata": ("bag/metadata.yaml", lambda path: _read_bag(path.parent)),
    "card": ("model.json", lambda path: ModelCard.load(path.parent)),
    "labels": ("labels.png", read_labels), "list": ("train.txt", _read_list),
    "classes": ("classes.json", lambda path: own_list(path.parent)), "recipe": ("recipe.yaml", Recipe.load),
    "checkpoint": ("best.ckpt", _read_weights), "video": ("drive.avi", _read_video),
}


def samples(name, folder):
    """Contents of good files of a reader."""
    return _SAMPLES[name](folder)


def one_case(name, originals, folder, chance):
    """Damage one of the files and read it. Returns whether it could be read."""
    path, read = folder / READERS[name][0], READERS[name][1]
    original = chance.choice(originals)
    changed = _damaged_value(original, chance) if isinstance(original, dict) else original
    if isinstance(original, dict):
        changed = (json.dumps if path.suffix == ".json" else yaml.safe_dump)(changed).encode()
    path.write_bytes(_damaged_bytes(bytearray(changed), chance, isinstance(original, dict)))
    try:
        read(path)
    except InputError as error:
        assert str(error).isprintable() and len(str(error)) < 5000
        return False
    return True


def _damaged_value(value, chance):
    """The value with one of the values in it replaced, doubled or gone."""
    if not isinstance(value, (dict, list)) or not value or chance.random() < 0.2:
        return chance.choice(_VALUES)
    copied = value.copy()
    key = chance.choice(list(value) if isinstance(value, dict) else range(len(value)))
    if chance.random() < 0.1:
        del copied[key]
    else:
        copied[key] = _damaged_value(value[key], chance)
    return copied


def _damaged_bytes(data, chance, is_text):
    for _ in range(chance.choice((0, 0, 1) if is_text else (1, 1, 2, 8))):
        at, way = chance.randrange(len(data) + 1), chance.randrange(6)
        end = min(len(data), at + chance.choice((1, 8, 64, 512)))
        if way == 0:
            del data[at:]
        elif way == 1:
            data[at:end] = b""
        elif way == 2:
            data[at:at] = data[at:end] * chance.choice((1, 2, 50))
        elif way == 3:
            data[at:at] = chance.choice(_TOKENS)
        elif way == 4:
            form = chance.choice((">H", "<H", ">I", "<I", "<Q", ">Q"))
            number = struct.pack(form, chance.choice(_NUMBERS) % (1 << 8 * struct.calcsize(form)))
            data[at : at + len(number)] = number
        elif data:
            data[min(at, len(data) - 1)] ^= 1 << chance.randrange(8)
    return data


def _stored(plugin):
    return lambda folder: [storage_file(write_bag(folder / "made", images(3), plugin)).read_bytes()]


def _ros1(folder):
    return [write_ros1_bag(folder / "made.bag", images(3)).read_bytes()]


def _metadata(folder):
    bag = write_bag(folder / "bag", images(2))
    return [yaml.safe_load((bag / "metadata.yaml").read_text())]


def _card(folder):
    (folder / "model.onnx").write_bytes(b"x")
    card = ModelCard("a", "bisenetv2", {}, CAMVID_11, (0.1, 0.2, 0.3), (1, 1, 1), "rgb", 64, 32,
                     "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881", "a", {}, {}, "a")
    card.save(folder)
    return [json.loads((folder / "model.json").read_text())]


def _classes(folder):
    entries = [{"id": n, "name": f"c{n}", "color_rgb": [n, 0, 0]} for n in range(3)]
    content = {"name": "a", "ignore_id": 255, "classes": entries, "file_ids": {"0": 0, "1": 1, "2": 2}}
    (folder / "classes.json").write_text(json.dumps(content))
    (folder / "train.txt").write_text("a.png b.png\n")
    return [content]


def _list(folder):
    _classes(folder)
    return [b"a.jpg, b.png\n# c\nd/e.png\tf.png\n"]


def _recipe(folder):
    return [Recipe(name="a", dataset="camvid", network="bisenetv2").to_dict()]


def _checkpoint(folder):
    space = label_space_values(CAMVID_11)
    recipe = _recipe(folder)[0]
    state = {"network.a.weight": torch.zeros(4, 3), "network.b": torch.ones(2, dtype=torch.int64)}
    content = {"hyper_parameters": {"recipe": recipe, "label_space": space}, "epoch": 1, "global_step": 2,
               "state_dict": state}
    made = []
    for whole in (content, state):
        for zipped in (True, False):
            torch.save(whole, folder / "made", _use_new_zipfile_serialization=zipped)
            made.append((folder / "made").read_bytes())
    return made


def _labels(folder):
    grey = labels(1)
    return [png(grey), cv2.imencode(".png", grey.astype(np.uint16))[1].tobytes(),
            cv2.imencode(".png", grey // 9 * 255, [cv2.IMWRITE_PNG_BILEVEL, 1])[1].tobytes()]


def _videos(folder):
    made = []
    for ending, code in ((".avi", "MJPG"), (".mp4", "mp4v"), (".mkv", "mp4v")):
        writer = cv2.VideoWriter(str(folder / f"made{ending}"), cv2.VideoWriter_fourcc(*code), 10, (64, 48))
        for index in range(4):
            writer.write(np.full((48, 64, 3), 40 * index, np.uint8))
        writer.release()
        made.append((folder / f"made{ending}").read_bytes())
    return made


_SAMPLES = {"mcap": _stored(StoragePlugin.MCAP), "sqlite": _stored(StoragePlugin.SQLITE3), "ros1": _ros1,
            "metadata": _metadata, "card": _card, "labels": _labels, "list": _list, "classes": _classes,
            "recipe": _recipe, "checkpoint": _checkpoint, "video": _videos}
