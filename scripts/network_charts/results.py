"""Accuracy and speed of networks on data sets: what the papers report, and what the models at hand scored."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

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


@dataclass(frozen=True)
class Rival:
    """Another network's mean IoU in percent and its published frames per second, on a card of its own."""

    label: str
    dataset: str
    test: float
    fps: float
    source: str


def _read(name: str) -> list[dict[str, Any]]:
    return yaml.safe_load(Path(__file__).with_name(name).read_text(encoding="utf-8"))


def _published(entry: dict[str, Any]) -> Result:
    return Result(**{**entry, "size": tuple(entry["size"]) if entry["size"] else None})


#: What the papers report.
PUBLISHED = tuple(map(_published, _read("published.yaml")))
#: What the papers report of other networks.
RIVALS = tuple(Rival(**entry) for entry in _read("rivals.yaml"))

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
