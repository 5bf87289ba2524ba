"""CamVid with the 11 classes that are usually scored, from ids or from the 32 colours it was labelled in."""

import re
from dataclasses import dataclass
from pathlib import Path

import yaml

from bisenet_core.labels.label_space import CAMVID_11, UNLABELED
from bisenet_core.learning.datasets.label_coding import ColourCoding, ids_of
from bisenet_core.learning.datasets.layouts import Source, TwoTrees, files_below, pair_up
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
