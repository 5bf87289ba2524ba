"""ADE20K's scene parsing benchmark, as ADEChallengeData2016.zip unpacks."""

from bisenet_core.labels.label_space import ADE20K_150
from bisenet_core.learning.datasets.label_coding import ids_of
from bisenet_core.learning.datasets.layouts import Source, TwoTrees

_ON_DISK = {"train": "training", "val": "validation"}
_CODINGS = {".png": ids_of(ADE20K_150, first=1, unlabeled=(0,))}


def _below(folder: str) -> TwoTrees:
    return TwoTrees(f"{folder}images/{{}}", f"{folder}annotations/{{}}", _CODINGS, _ON_DISK)


ADE20K = Source(ADE20K_150, (_below(""), _below("ADEChallengeData2016/")))
