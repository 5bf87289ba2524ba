"""CamVid, Cityscapes, COCO-Stuff and ADE20K in the folders that people have."""

import re
from dataclasses import dataclass
from pathlib import Path

import yaml

from bisenet_core.labels.label_space import (
    ADE20K_150,
    CAMVID_11,
    CITYSCAPES_19,
    CITYSCAPES_LABEL_IDS,
    COCO_STUFF_171,
    UNLABELED,
)
from bisenet_core.learning.datasets.label_coding import ColourCoding, IdCoding, ids_of
from bisenet_core.learning.datasets.layouts import NameLists, Source, TwoTrees, files_below, pair_up
from bisenet_core.learning.datasets.segmentation_dataset import SplitFiles

_MERGED = yaml.safe_load(Path(__file__).with_name("camvid_colours.yaml").read_text(encoding="utf-8"))
_COLOURS = ColourCoding(
    {
        (0, 0, 0): UNLABELED,  # Void
        **{tuple(colour): CAMVID_11.id_of(name) for name, own in _MERGED.items() for colour in own.values()},
    },
    "the 32 colours of CamVid's label_colors.txt",
)
_IDS = {".png": ids_of(CAMVID_11)}


def split_of(name: str) -> str:
    """The split that SegNet's lists have an image in, which follows from its sequence and frame.

    Sequence 0016E5 was labelled at 1 Hz and, in the 101 frames from 7959 to 8159, at 15 Hz; these are the
    validation images. Seq05VD (dusk) and the second half of 0001TP are tested on.
    """
    match = re.fullmatch(r"(\w+?)_f?(\d+)", name)
    sequence, frame = (match[1], int(match[2])) if match else ("", 0)
    if sequence == "Seq05VD" or (sequence == "0001TP" and frame >= 8550):
        return "test"
    return "val" if sequence == "0016E5" and 7959 <= frame <= 8159 and frame % 2 else "train"


@dataclass(frozen=True)
class _AllInOne:
    """All images in one folder and all colour labels in another; ``split_of`` tells the splits."""

    images: str
    labels: str

    @property
    def expected(self) -> str:
        return f"{self.images} with {self.labels}"

    def splits(self, root: Path) -> list[str]:
        """All three, where both folders are there."""
        found = (root / self.images).is_dir() and (root / self.labels).is_dir()
        return ["train", "val", "test"] if found else []

    def read(self, root: Path, split: str) -> SplitFiles:
        images, labels = root / self.images, root / self.labels
        own = [file for file in files_below(images) if split_of(Path(file).stem) == split]
        truth = [f for f in files_below(labels) if split_of(Path(f).stem.removesuffix("_L")) == split]
        pairs, unpaired = pair_up(images, own, (".png",), labels, truth, "_L.png")
        return SplitFiles(pairs, _COLOURS, unpaired)


CAMVID = Source(
    CAMVID_11,
    (
        TwoTrees("{}/images", "{}/labels", _IDS),
        TwoTrees("{}", "{}annot", _IDS),  # SegNet's tutorial
        TwoTrees("{}", "{}_labels", {"_L.png": _COLOURS}),  # Kaggle and others
        _AllInOne("701_StillsRaw_full", "LabeledApproved_full"),
        _AllInOne("images/701_StillsRaw_full", "labels"),  # MathWorks' examples
    ),
)


_SCORED = {value: index for index, value in enumerate(CITYSCAPES_LABEL_IDS)}
_LABEL_IDS = IdCoding(
    {**dict.fromkeys((*range(34), 255), UNLABELED), **_SCORED}, "Cityscapes' label ids 0 to 33, or 255"
)

CITYSCAPES = Source(
    CITYSCAPES_19,
    (
        TwoTrees(
            "leftImg8bit/{}",
            "gtFine/{}",
            # labelIds are the data set's own, labelTrainIds what its users make of them
            {"_gtFine_labelIds.png": _LABEL_IDS, "_gtFine_labelTrainIds.png": ids_of(CITYSCAPES_19)},
            image_endings=("_leftImg8bit.png", "_leftImg8bit.jpg"),
        ),
    ),
)

# COCO-Stuff: all of COCO 2017 ("164k"), or the 10 000 images that were labelled first ("10k").

#: COCO's ids that no image has; COCO counts from 1 to 182.
_ABSENT = (12, 26, 29, 30, 45, 66, 68, 69, 71, 83, 91)
_PRESENT = [value for value in range(1, 183) if value not in _ABSENT]

#: The .mat files of the 10k count as COCO does, and the PNGs of the 164k ("stuffthingmaps") one less.
_FROM_1 = IdCoding(
    {0: UNLABELED, 255: UNLABELED, **{value: index for index, value in enumerate(_PRESENT)}},
    "COCO-Stuff's ids 1 to 182 without the 11 that it leaves out, or 0",
)
_FROM_0 = IdCoding(
    {UNLABELED: UNLABELED, **{value - 1: index for index, value in enumerate(_PRESENT)}},
    "COCO-Stuff's ids 0 to 181 without the 11 that it leaves out, or 255",
)

#: What mmsegmentation's converters write beside them: of the 164k, 0 to 170; of the 10k, 1 to 171 and 0.
_CONVERTED = "_labelTrainIds.png"
_164K = {_CONVERTED: ids_of(COCO_STUFF_171), ".png": _FROM_0}
_10K = {_CONVERTED: ids_of(COCO_STUFF_171, first=1, unlabeled=(0,))}

_IMAGES = ("images/{}", "{}")
_LABELS = ("annotations/{}", "labels/{}", "stuffthingmaps_trainval2017/{}", "stuffthingmaps/{}")
_ON_DISK_164K = {"train": "train2017", "val": "val2017"}
#: The 10k have no third split: what they call test is what papers report on.
_ON_DISK_10K = {"train": "train2014", "val": "test2014", "test": "test2014"}
_LISTS_10K = {"train": "imageLists/train.txt", "val": "imageLists/test.txt", "test": "imageLists/test.txt"}

COCOSTUFF = Source(
    COCO_STUFF_171,
    (
        *(TwoTrees(images, labels, _164K, _ON_DISK_164K) for images in _IMAGES for labels in _LABELS),
        TwoTrees("images/{}", "annotations/{}", _10K, _ON_DISK_10K),
        NameLists(_LISTS_10K, "images/{}.jpg", "annotations/{}.mat", _FROM_1),
    ),
)

_ON_DISK_ADE20K = {"train": "training", "val": "validation"}
_CODINGS_ADE20K = {".png": ids_of(ADE20K_150, first=1, unlabeled=(0,))}


def _ade20k_below(folder: str) -> TwoTrees:
    return TwoTrees(f"{folder}images/{{}}", f"{folder}annotations/{{}}", _CODINGS_ADE20K, _ON_DISK_ADE20K)


ADE20K = Source(ADE20K_150, (_ade20k_below(""), _ade20k_below("ADEChallengeData2016/")))
