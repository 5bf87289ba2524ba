"""Terms of use of the data sets that weights are trained on, and the size at which their networks run."""

from typing import NamedTuple


class DataSetTerms(NamedTuple):
    """``terms``: one line for a model card, no substitute for the data set's own. ``input_size``: the
    (width, height) at which a robot would run a network for such images."""

    terms: str
    input_size: tuple[int, int]


DATA_SET_TERMS = {
    "camvid": DataSetTerms(
        "non-commercial research use (CamVid data, CC BY-NC 4.0 distribution)", (480, 360)
    ),
    "cityscapes": DataSetTerms("non-commercial use only (Cityscapes terms of use)", (1024, 512)),
    "ade20k": DataSetTerms(
        "non-commercial research and education (ADE20K images; its annotations: BSD-3-Clause)", (640, 480)
    ),
    "cocostuff": DataSetTerms(
        "COCO-Stuff annotations: CC BY 4.0; its images: Flickr's terms of use", (640, 480)
    ),
}
