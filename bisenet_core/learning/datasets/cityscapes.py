"""Cityscapes as its own archives unpack: leftImg8bit/SPLIT/CITY and gtFine/SPLIT/CITY."""

from bisenet_core.labels.label_space import CITYSCAPES_19, UNLABELED
from bisenet_core.learning.datasets.label_coding import IdCoding, ids_of
from bisenet_core.learning.datasets.layouts import Source, TwoTrees

#: Its label ids of train ids 0 to 18; the others of 0 to 33 are not scored.
_SCORED = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)

_LABEL_IDS = IdCoding(
    {**dict.fromkeys((*range(34), 255), UNLABELED), **{value: index for index, value in enumerate(_SCORED)}},
    "Cityscapes' label ids 0 to 33, or 255",
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
