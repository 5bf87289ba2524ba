"""What the models at hand scored, as `bisenet evaluate --record` left it in their cards."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bisenet_core.evaluation.zoo.result import Result
from bisenet_core.runtime.model_card import CARD_NAME, ModelCard

_PRECISIONS = ("fp32", "fp16", "bf16", "int8")


def recorded_results(places: Iterable[Path], datasets: Iterable[str]) -> list[Result]:
    """Test results on ``datasets`` of the model folders in ``places``; the first model of a name counts.

    Raises InputError for a model whose card cannot be read.
    """
    folders: dict[str, Path] = {}
    for place in places:
        for path in sorted(place.glob(f"*/{CARD_NAME}")):
            folders.setdefault(path.parent.name, path.parent)
    cards = [ModelCard.load(folder) for folder in folders.values()]
    found = [(card, dataset, _scores(card, dataset)) for card in cards for dataset in datasets]
    return [_result(card, dataset, scores) for card, dataset, scores in found if scores]


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
