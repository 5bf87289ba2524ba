"""Accuracy and speed of networks on data sets: what the papers report, and what the models at hand scored."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bisenet_core.errors import InputError
from bisenet_core.labels.label_space import label_space_of
from bisenet_core.runtime.model_card import CARD_NAME, ModelCard

_LOG = logging.getLogger(__name__)

#: Networks by the paper they come from: how their names begin, and what to call them.
FAMILIES = {
    "bisenetv1": "BiSeNet V1", "bisenetv2": "BiSeNet V2", "efficientvit": "EfficientViT", "stdc": "STDC"}
TITAN_XP, GTX_1080_TI = "Titan Xp", "GTX 1080 Ti"
CITYSCAPES, CAMVID = "cityscapes", "camvid"


@dataclass(frozen=True)
class Result:
    """What a network scored on a data set, and how fast it was said to be; None where the source is silent.

    ``network`` and ``options`` are those of ``create_model``, ``label`` is how people call it. ``val`` and
    ``test`` are mean IoU in percent, ``size`` is (width, height) of the network's input, and ``fps`` were
    measured at that size on ``device``.
    """

    network: str
    label: str
    dataset: str
    size: tuple[int, int] | None
    val: float | None
    test: float | None
    fps: float | None
    device: str | None
    source: str
    #: a segmentation data set seen before this one; ImageNet is not one
    pretrained_on: str | None = None
    #: measured with this package, rather than published
    own: bool = False
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def num_classes(self) -> int:
        """Classes of the data set, and so channels of the network's output."""
        return label_space_of(self.dataset).num_classes


def family_of(network: str) -> str:
    """The key of ``FAMILIES`` that a network belongs to."""
    return next(family for family in FAMILIES if network.startswith(family))


# Names of papers and their tables. STDC's repeat what V1's and V2's say; where both give a figure they agree.
_V1 = "BiSeNet (ECCV 2018), Table 6; val: STDC, Table 6"
_V1_ACCURACY = "BiSeNet (ECCV 2018), Table 7"
_V2 = "BiSeNet V2 (arXiv:2004.02147), Table 7"
_V2_CAMVID = "BiSeNet V2 (arXiv:2004.02147), Table 8"
_STDC = "STDC (CVPR 2021), Table 6"
_STDC_CAMVID = "STDC (CVPR 2021), Table 7"

_HALF, _THREE_QUARTERS = (1024, 512), (1536, 768)  # of Cityscapes' 2048x1024
_CAMVID = (960, 720)

_X39, _R18, _R101 = (f"bisenetv1_{backbone}" for backbone in ("xception39", "resnet18", "resnet101"))

#: What the papers report, at a single scale but for ResNet-101, of which size and speed are not known. V2 and
#: STDC ran in TensorRT 5; V2's speed on Cityscapes includes resizing from 2048x1024 and back.
PUBLISHED = (
    Result(_X39, "V1 Xception39", CITYSCAPES, _THREE_QUARTERS, 69.0, 68.4, 105.8, TITAN_XP, _V1),
    Result(_R18, "V1 ResNet18", CITYSCAPES, _THREE_QUARTERS, 74.8, 74.7, 65.5, TITAN_XP, _V1),
    Result(_R101, "V1 ResNet101", CITYSCAPES, None, None, 78.9, None, None, _V1_ACCURACY),
    Result("bisenetv2", "V2", CITYSCAPES, _HALF, 73.4, 72.6, 156.0, GTX_1080_TI, _V2),
    Result("bisenetv2_large", "V2-Large", CITYSCAPES, _HALF, 75.8, 75.3, 47.3, GTX_1080_TI, _V2),
    Result("stdc1_seg", "STDC1-50", CITYSCAPES, _HALF, 72.2, 71.9, 250.4, GTX_1080_TI, _STDC),
    Result("stdc2_seg", "STDC2-50", CITYSCAPES, _HALF, 74.2, 73.4, 188.6, GTX_1080_TI, _STDC),
    Result("stdc1_seg", "STDC1-75", CITYSCAPES, _THREE_QUARTERS, 74.5, 75.3, 126.7, GTX_1080_TI, _STDC),
    Result("stdc2_seg", "STDC2-75", CITYSCAPES, _THREE_QUARTERS, 77.0, 76.8, 97.0, GTX_1080_TI, _STDC),
    # the table with V1's speed on CamVid does not name the card
    Result(_X39, "V1 Xception39", CAMVID, _CAMVID, None, 65.6, 175.0, None, _V2_CAMVID),
    Result(_R18, "V1 ResNet18", CAMVID, _CAMVID, None, 68.7, 116.25, None, _V2_CAMVID),
    Result("bisenetv2", "V2", CAMVID, _CAMVID, None, 72.4, 124.5, GTX_1080_TI, _V2_CAMVID),
    Result("bisenetv2", "V2", CAMVID, _CAMVID, None, 76.7, 124.5, GTX_1080_TI, _V2_CAMVID, CITYSCAPES),
    Result("bisenetv2_large", "V2-Large", CAMVID, _CAMVID, None, 73.2, 32.7, GTX_1080_TI, _V2_CAMVID),
    Result(
        "bisenetv2_large", "V2-Large", CAMVID, _CAMVID, None, 78.5, 32.7, GTX_1080_TI, _V2_CAMVID, CITYSCAPES
    ),
    Result("stdc1_seg", "STDC1", CAMVID, _CAMVID, None, 73.0, 197.6, GTX_1080_TI, _STDC_CAMVID),
    Result("stdc2_seg", "STDC2", CAMVID, _CAMVID, None, 73.9, 152.2, GTX_1080_TI, _STDC_CAMVID),
)

_PRECISIONS = ("fp32", "fp16", "bf16", "int8")


def recorded_results(places: Iterable[Path], datasets: Iterable[str]) -> list[Result]:
    """What the model folders in ``places`` scored on ``datasets``, as `bisenet evaluate --record` noted it.

    The first model of a name counts. A model that cannot be read is left out with a warning, and so is a
    folder whose name begins with a dot: that one is being written.
    """
    folders: dict[str, Path] = {}
    for place in places:
        for path in sorted(place.glob(f"*/{CARD_NAME}")):
            if not path.parent.name.startswith("."):
                folders.setdefault(path.parent.name, path.parent)
    cards = [card for card in map(_card, folders.values()) if card]
    found = [(card, dataset, _test_miou(card, dataset)) for card in cards for dataset in datasets]
    return [_own_result(card, dataset, miou) for card, dataset, miou in found if miou is not None]


def _card(folder: Path) -> ModelCard | None:
    try:
        return ModelCard.load(folder)
    except InputError as error:
        _LOG.warning("left out: %s", error)
        return None


def _test_miou(card: ModelCard, dataset: str) -> float | None:
    keys = [f"{dataset}_test_{precision}" for precision in _PRECISIONS]
    return next((card.metrics[key]["miou"] for key in keys if key in card.metrics), None)


def _own_result(card: ModelCard, dataset: str, miou: float) -> Result:
    size, source = (card.input_width, card.input_height), f"{card.name}/{CARD_NAME}"
    return Result(card.architecture, card.name, dataset, size, None, 100 * miou, None, None, source, own=True,
                  options=card.architecture_options)
