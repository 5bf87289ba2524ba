"""What the models at hand scored, as `bisenet evaluate --record` left it in their cards."""

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bisenet_core.errors import InputError
from bisenet_core.reports.networks.result import Result
from bisenet_core.runtime.model_card import CARD_NAME, ModelCard

_LOG = logging.getLogger(__name__)
_PRECISIONS = ("fp32", "fp16", "bf16", "int8")


def recorded_results(places: Iterable[Path], datasets: Iterable[str]) -> list[Result]:
    """Test results on ``datasets`` of the model folders in ``places``; the first model of a name counts.

    A model that cannot be read is left out with a warning, and so is a folder whose name begins with a dot:
    that one is being written.
    """
    folders: dict[str, Path] = {}
    for place in places:
        for path in sorted(place.glob(f"*/{CARD_NAME}")):
            if not path.parent.name.startswith("."):
                folders.setdefault(path.parent.name, path.parent)
    cards = [card for card in map(_card, folders.values()) if card]
    found = [(card, dataset, _scores(card, dataset)) for card in cards for dataset in datasets]
    return [_result(card, dataset, scores) for card, dataset, scores in found if scores]


def _card(folder: Path) -> ModelCard | None:
    try:
        return ModelCard.load(folder)
    except InputError as error:
        _LOG.warning("left out: %s", error)
        return None


def _scores(card: ModelCard, dataset: str) -> dict[str, Any] | None:
    keys = [f"{dataset}_test_{precision}" for precision in _PRECISIONS]
    return next((card.metrics[key] for key in keys if key in card.metrics), None)


def _result(card: ModelCard, dataset: str, scores: dict[str, Any]) -> Result:
    return Result(
        network=card.architecture,
        label=card.name,
        dataset=dataset,
        size=(card.input_width, card.input_height),
        val=None,
        test=100 * scores["miou"],
        fps=None,
        device=None,
        source=f"{card.name}/{CARD_NAME}",
        own=True,
        options=card.architecture_options,
    )
