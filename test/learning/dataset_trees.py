"""Tiny data sets on disk, each in the true folder layout, file names and label values of the real one.

Every writer takes the folder to write into, how many images each split gets, (width, height), and a seed,
and returns a Tree: the ``root`` to open, and the train ids that must come out of it. The pictures can be
learnt: each class has its colour.
"""

import json
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from bisenet_core.labels.label_space import CAMVID_11, LabelSpace, label_space_of

SIZE = (64, 48)
UNLABELED = 255
COUNTS = {"train": 4, "val": 2, "test": 2}
TRAIN_AND_VAL = {"train": 4, "val": 2}


class Tree(NamedTuple):
    """``labels[split][name]``: HxW uint8 train ids of an image, UNLABELED where there is no class."""

    root: Path
    labels: dict[str, dict[str, np.ndarray]]


def scene(space: LabelSpace, size: tuple[int, int], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(HxWx3 uint8 RGB, HxW uint8 train ids): tiles of four classes and of none, in their noisy colours."""
    rng, (width, height) = np.random.default_rng(seed), size
    classes = [*rng.choice(space.num_classes, min(4, space.num_classes), replace=False), UNLABELED]
    tiles = rng.choice(np.array(classes, np.uint8), (-(-height // 8), -(-width // 8)))
    labels = np.kron(tiles, np.ones((8, 8), np.uint8))[:height, :width]
    noise = rng.normal(0, 12, (height, width, 3))
    return np.clip(space.palette_lut()[labels] + noise, 0, 255).astype(np.uint8), labels


class _Writer:
    """Draws scene after scene, writes each, and remembers what must come out."""

    def __init__(self, root: Path, space: LabelSpace, size: tuple[int, int], seed: int) -> None:
        self.root, self.space, self.size, self.seed = Path(root), space, size, seed
        self.labels: dict[str, dict[str, np.ndarray]] = {}

    def add(
        self, split: str, name: str, image: str, label: str, encode: Callable[[np.ndarray], np.ndarray]
    ) -> None:
        self.seed += 1
        picture, labels = scene(self.space, self.size, self.seed)
        write_image(self.root / image, picture)
        write_labels(self.root / label, encode(labels))
        self.labels.setdefault(split, {})[name] = labels

    def tree(self) -> Tree:
        return Tree(self.root, self.labels)


def write_image(path: Path, image: np.ndarray) -> None:
    """Write HxWx3 uint8 RGB."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image[..., ::-1])


def write_labels(path: Path, labels: np.ndarray) -> None:
    """Write HxW ids as a PNG of one channel (or a .mat of COCO-Stuff 10k), HxWx3 colours as RGB."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".mat":
        path.write_bytes(matlab_file("S", labels))
    else:
        assert cv2.imwrite(str(path), labels[..., ::-1] if labels.ndim == 3 else labels)


def matlab_file(name: str, matrix: np.ndarray) -> bytes:
    """A MATLAB 5 file, compressed as MATLAB 7 does, of one uint8 matrix."""

    def element(kind: int, data: bytes) -> bytes:
        return np.array([kind, len(data)], "<u4").tobytes() + data + bytes(-len(data) % 8)

    flags = element(6, np.array([9, 0], "<u4").tobytes())  # 9: an array of uint8
    shape = element(5, np.array(matrix.shape, "<i4").tobytes())
    values = element(2, matrix.astype(np.uint8).tobytes(order="F"))
    content = zlib.compress(element(14, flags + shape + element(1, name.encode()) + values))
    head = b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM"
    return head + np.array([15, len(content)], "<u4").tobytes() + content


def _by_table(table: Mapping[int, int]) -> Callable[[np.ndarray], np.ndarray]:
    lut = np.zeros(256, np.uint8)
    for train_id, value in table.items():
        lut[train_id] = value
    return lambda labels: lut[labels]


def _same(labels: np.ndarray) -> np.ndarray:
    return labels


#: Cityscapes' label id of each train id; 0 is its "unlabeled".
CITYSCAPES_IDS = dict(enumerate((7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)))


def write_cityscapes(
    root: Path,
    counts: Mapping[str, int] = TRAIN_AND_VAL,
    size: tuple[int, int] = SIZE,
    seed: int = 0,
    label_files: str = "labelIds",
) -> Tree:
    """leftImg8bit/SPLIT/CITY/*_leftImg8bit.png, gtFine/SPLIT/CITY/*_gtFine_labelIds.png (or labelTrainIds).

    The other files that Cityscapes keeps beside the labels are there too.
    """
    writer = _Writer(root, label_space_of("cityscapes"), size, seed)
    cities = {"train": ("aachen", "zurich"), "val": ("frankfurt", "munster"), "test": ("berlin", "bonn")}
    encode = _by_table(CITYSCAPES_IDS) if label_files == "labelIds" else _same
    for split, count in counts.items():
        for index in range(count):
            city = cities[split][index % 2]
            name = f"{city}/{city}_{index:06}_000019"
            truth, image = f"gtFine/{split}/{name}_gtFine", f"leftImg8bit/{split}/{name}_leftImg8bit.png"
            writer.add(split, name, image, f"{truth}_{label_files}.png", encode)
            labels = writer.labels[split][name]
            write_image(writer.root / f"{truth}_color.png", writer.space.palette_lut()[labels])
            write_labels(writer.root / f"{truth}_instanceIds.png", labels.astype(np.uint16) * 1000)
            (writer.root / f"{truth}_polygons.json").write_text("{}")
    return writer.tree()


def _camvid_ids(labels: np.ndarray) -> np.ndarray:
    return np.where(labels == UNLABELED, CAMVID_11.ignore_id, labels).astype(np.uint8)


def write_classes(root: Path, space: LabelSpace) -> None:
    """ROOT/classes.json of one's own data."""
    classes = [
        {"id": index, "name": name, "color_rgb": list(color)}
        for index, (name, color) in enumerate(zip(space.classes, space.palette))
    ]
    content = {"name": space.name, "ignore_id": space.ignore_id, "classes": classes}
    root.mkdir(parents=True, exist_ok=True)
    (root / "classes.json").write_text(json.dumps(content))


def write_camvid(
    root: Path, counts: Mapping[str, int] = COUNTS, size: tuple[int, int] = SIZE, seed: int = 0
) -> Tree:
    """SPLIT/images/*.jpg and SPLIT/labels/*.png with ids 0..10, 11 where there is no class."""
    writer = _Writer(root, CAMVID_11, size, seed)
    for split, count in counts.items():
        for index in range(count):
            name = f"{split}_{index:06}"
            image, label = f"{split}/images/{name}.jpg", f"{split}/labels/{name}.png"
            writer.add(split, name, image, label, _camvid_ids)
    write_classes(writer.root, CAMVID_11)
    return writer.tree()


def write_camvid_segnet(
    root: Path, counts: Mapping[str, int] = COUNTS, size: tuple[int, int] = SIZE, seed: int = 0
) -> Tree:
    """SPLIT/*.png and SPLITannot/*.png, as SegNet's tutorial distributes CamVid-11."""
    writer = _Writer(root, CAMVID_11, size, seed)
    for split, count in counts.items():
        for index in range(count):
            name = f"{split}_{index:06}"
            writer.add(split, name, f"{split}/{name}.png", f"{split}annot/{name}.png", _camvid_ids)
    return writer.tree()


#: CamVid's 32 colours, as its label_colors.txt lists them, and the class of CamVid-11 each belongs to.
CAMVID_32 = (
    ("64 128 64\tAnimal", 9), ("192 0 128\tArchway", 1), ("0 128 192\tBicyclist", 10),
    ("0 128 64\tBridge", 1), ("128 0 0\t\tBuilding", 1), ("64 0 128\tCar", 8),
    ("64 0 192\tCartLuggagePram", 9), ("192 128 64\tChild", 9), ("192 192 128\tColumn_Pole", 2),
    ("64 64 128\tFence", 7), ("128 0 192\tLaneMkgsDriv", 3), ("192 0 64\tLaneMkgsNonDriv", 3),
    ("128 128 64\tMisc_Text", 6), ("192 0 192\tMotorcycleScooter", 10), ("128 64 64\tOtherMoving", 8),
    ("64 192 128\tParkingBlock", 4), ("64 64 0\t\tPedestrian", 9), ("128 64 128\tRoad", 3),
    ("128 128 192\tRoadShoulder", 4), ("0 0 192\t\tSidewalk", 4), ("192 128 128\tSignSymbol", 6),
    ("128 128 128\tSky", 0), ("64 128 192\tSUVPickupTruck", 8), ("0 0 64\t\tTrafficCone", 2),
    ("0 64 64\t\tTrafficLight", 6), ("192 64 128\tTrain", 8), ("128 128 0\tTree", 5),
    ("192 128 192\tTruck_Bus", 8), ("64 0 64\t\tTunnel", 1), ("192 192 0\tVegetationMisc", 5),
    ("0 0 0\t\tVoid", UNLABELED), ("64 192 0\tWall", 1),
)  # fmt: skip


def _camvid_colours(labels: np.ndarray) -> np.ndarray:
    """HxWx3 RGB: each pixel in one of the colours that belong to its class, all of them in turn."""
    image = np.zeros((*labels.shape, 3), np.uint8)
    turn = np.arange(labels.size).reshape(labels.shape)
    for wanted in np.unique(labels):
        colours = [line.split()[:3] for line, train_id in CAMVID_32 if train_id == wanted]
        image[labels == wanted] = np.array(colours, np.uint8)[turn[labels == wanted] % len(colours)]
    return image


def write_camvid_original(
    root: Path, counts: Mapping[str, int] = COUNTS, size: tuple[int, int] = SIZE, seed: int = 0
) -> Tree:
    """701_StillsRaw_full/*.png and LabeledApproved_full/*_L.png in 32 colours, for all splits together.

    Which image belongs to which split follows from its sequence and its number in it, as in SegNet's lists.
    """
    writer = _Writer(root, CAMVID_11, size, seed)
    frames = {
        "train": ("0016E5_{:05}", 390, 30),
        "val": ("0016E5_{:05}", 7959, 2),
        "test": ("Seq05VD_f{:05}", 0, 30),
    }
    for split, count in counts.items():
        pattern, first, step = frames[split]
        for index in range(count):
            name = pattern.format(first + step * index)
            image, label = f"701_StillsRaw_full/{name}.png", f"LabeledApproved_full/{name}_L.png"
            writer.add(split, name, image, label, _camvid_colours)
    (writer.root / "label_colors.txt").write_text("\n".join(line for line, _ in CAMVID_32) + "\n")
    return writer.tree()


def write_camvid_folders(
    root: Path, counts: Mapping[str, int] = COUNTS, size: tuple[int, int] = SIZE, seed: int = 0
) -> Tree:
    """SPLIT/*.png and SPLIT_labels/*_L.png in 32 colours, as Kaggle and others pass CamVid on."""
    writer = _Writer(root, CAMVID_11, size, seed)
    for split, count in counts.items():
        for index in range(count):
            name = f"{split}_{index:06}"
            writer.add(split, name, f"{split}/{name}.png", f"{split}_labels/{name}_L.png", _camvid_colours)
    return writer.tree()


#: COCO's ids (counted from 1) that no image of COCO-Stuff has.
COCO_ABSENT = (12, 26, 29, 30, 45, 66, 68, 69, 71, 83, 91)
COCO_IDS = dict(enumerate(value for value in range(1, 183) if value not in COCO_ABSENT))


def write_cocostuff_164k(
    root: Path,
    counts: Mapping[str, int] = TRAIN_AND_VAL,
    size: tuple[int, int] = SIZE,
    seed: int = 0,
    images: str = "images",
    labels: str = "annotations",
    suffix: str = "",
) -> Tree:
    """images/train2017/*.jpg and annotations/train2017/*.png with ids 0..181, and 255.

    ``labels`` may be "stuffthingmaps_trainval2017", ``images`` "." for train2017 beside it; ``suffix``
    "_labelTrainIds" gives ids 0..170, and 255, as mmsegmentation's converter writes them.
    """
    writer = _Writer(root, label_space_of("cocostuff"), size, seed)
    raw = {train_id: value - 1 for train_id, value in COCO_IDS.items()}
    encode = _same if suffix else _by_table({**raw, UNLABELED: UNLABELED})
    for split, count in counts.items():
        for index in range(count):
            name = f"{seed + index:012}"
            image, label = f"{images}/{split}2017/{name}.jpg", f"{labels}/{split}2017/{name}{suffix}.png"
            writer.add(split, name, image, label, encode)
    return writer.tree()


def write_cocostuff_10k(
    root: Path,
    counts: Mapping[str, int] = TRAIN_AND_VAL,
    size: tuple[int, int] = SIZE,
    seed: int = 0,
    converted: bool = False,
) -> Tree:
    """images/*.jpg, annotations/*.mat with ids 1..182 and 0 for none, imageLists/{train,test}.txt.

    ``converted``: images/train2014 and annotations/train2014/*_labelTrainIds.png with 1..171 and 0 for none,
    as mmsegmentation writes it. The data set calls its second list "test"; here it is "val".
    """
    writer = _Writer(root, label_space_of("cocostuff"), size, seed)
    encode = _by_table({index: index + 1 for index in range(171)} if converted else COCO_IDS)
    lists = writer.root / "imageLists"
    lists.mkdir(parents=True, exist_ok=True)
    for split, count in counts.items():
        on_disk = {"val": "test"}.get(split, split)
        names = [f"COCO_train2014_{seed + 100 * (on_disk == 'test') + i:012}" for i in range(count)]
        folder, ending = (f"{on_disk}2014/", "_labelTrainIds.png") if converted else ("", ".mat")
        for name in names:
            image, label = f"images/{folder}{name}.jpg", f"annotations/{folder}{name}{ending}"
            writer.add(split, name, image, label, encode)
        (lists / f"{on_disk}.txt").write_text("".join(f"{name}\n" for name in names))
    return writer.tree()


def write_ade20k(
    root: Path, counts: Mapping[str, int] = TRAIN_AND_VAL, size: tuple[int, int] = SIZE, seed: int = 0
) -> Tree:
    """ADEChallengeData2016/{images,annotations}/{training,validation}, ids 1..150 and 0 for none."""
    writer = _Writer(Path(root) / "ADEChallengeData2016", label_space_of("ade20k"), size, seed)
    for split, count in counts.items():
        folder, stem = {"train": ("training", "train"), "val": ("validation", "val")}[split]
        for index in range(count):
            name = f"ADE_{stem}_{index + 1:08}"
            image, label = f"images/{folder}/{name}.jpg", f"annotations/{folder}/{name}.png"
            writer.add(split, name, image, label, _by_table({i: i + 1 for i in range(150)}))
    return writer.tree()


#: Classes of one's own.
OWN = LabelSpace("Yard-3", ("ground", "crate", "forklift"), ((90, 90, 90), (200, 120, 0), (0, 60, 220)), 200)


def _own_ids(labels: np.ndarray) -> np.ndarray:
    return np.where(labels == UNLABELED, OWN.ignore_id, labels).astype(np.uint8)


def write_own_folder(
    root: Path, counts: Mapping[str, int] = TRAIN_AND_VAL, size: tuple[int, int] = SIZE, seed: int = 0
) -> Tree:
    """SPLIT/images, SPLIT/labels and classes.json of three classes of one's own."""
    writer = _Writer(root, OWN, size, seed)
    for split, count in counts.items():
        for index in range(count):
            name = f"{index:04}"
            writer.add(split, name, f"{split}/images/{name}.png", f"{split}/labels/{name}.png", _own_ids)
    write_classes(writer.root, OWN)
    return writer.tree()


def write_own_list(
    root: Path, counts: Mapping[str, int] = TRAIN_AND_VAL, size: tuple[int, int] = SIZE, seed: int = 0
) -> Tree:
    """SPLIT.txt with an image and a label path on each line, and classes.json."""
    writer = _Writer(root, OWN, size, seed)
    for split, count in counts.items():
        lines = []
        for index in range(count):
            image, label = f"day{index % 2}/{split}{index}.jpg", f"truth/{split}{index}.png"
            writer.add(split, image.removesuffix(".jpg"), image, label, _own_ids)
            lines.append(f"{image} {label}\n")
        (writer.root / f"{split}.txt").write_text("".join(lines))
    write_classes(writer.root, OWN)
    return writer.tree()


class ClassTree(NamedTuple):
    """``classes[split][name]``: the class index of an image of ImageNet."""

    root: Path
    classes: dict[str, dict[str, int]]


def write_imagenet(
    root: Path,
    counts: Mapping[str, int] = TRAIN_AND_VAL,
    size: tuple[int, int] = SIZE,
    seed: int = 0,
    num_classes: int = 3,
) -> ClassTree:
    """train/WNID/*.JPEG and val/WNID/*.JPEG; ``counts`` are images of each class, sizes differ a little."""
    rng, root = np.random.default_rng(seed), Path(root)
    wnids = [f"n{1440764 + 1000 * index:08}" for index in range(num_classes)]
    classes: dict[str, dict[str, int]] = {}
    for split, count in counts.items():
        for index, wnid in enumerate(wnids):
            for number in range(count):
                number += index * count + 1
                name = f"{wnid}_{number}" if split == "train" else f"ILSVRC2012_val_{number:08}"
                width, height = size[0] + int(rng.integers(0, 16)), size[1] + int(rng.integers(0, 16))
                colour = np.array([255 * index // num_classes, 128, 255 - 255 * index // num_classes])
                picture = np.clip(colour + rng.normal(0, 20, (height, width, 3)), 0, 255).astype(np.uint8)
                (root / split / wnid).mkdir(parents=True, exist_ok=True)
                encoded = cv2.imencode(".jpg", picture[..., ::-1])[1]
                (root / split / wnid / f"{name}.JPEG").write_bytes(encoded.tobytes())
                classes.setdefault(split, {})[f"{wnid}/{name}"] = index
    return ClassTree(root, classes)


#: What each data set is called, with a word for its layout, and who writes it.
LAYOUTS: dict[str, tuple[str, Callable[[Path], Tree]]] = {
    "cityscapes labelIds": ("cityscapes", write_cityscapes),
    "cityscapes labelTrainIds": (
        "cityscapes", lambda root: write_cityscapes(root, label_files="labelTrainIds")
    ),
    "camvid shared": ("camvid", write_camvid),
    "camvid SegNet": ("camvid", write_camvid_segnet),
    "camvid original": ("camvid", write_camvid_original),
    "camvid folders": ("camvid", write_camvid_folders),
    "cocostuff 164k": ("cocostuff", write_cocostuff_164k),
    "cocostuff 164k stuffthingmaps": (
        "cocostuff",
        lambda root: write_cocostuff_164k(root, images=".", labels="stuffthingmaps_trainval2017"),
    ),
    "cocostuff 164k converted": (
        "cocostuff", lambda root: write_cocostuff_164k(root, suffix="_labelTrainIds")
    ),
    "cocostuff 10k": ("cocostuff", write_cocostuff_10k),
    "cocostuff 10k converted": ("cocostuff", lambda root: write_cocostuff_10k(root, converted=True)),
    "ade20k": ("ade20k", write_ade20k),
    "own folder": ("folder", write_own_folder),
    "own list": ("list", write_own_list),
}  # fmt: skip

#: The usual layout of each data set that is opened by name.
TREES: dict[str, Callable[..., Tree]] = {
    "cityscapes": write_cityscapes,
    "camvid": write_camvid,
    "cocostuff": write_cocostuff_164k,
    "ade20k": write_ade20k,
    "folder": write_own_folder,
    "list": write_own_list,
}
