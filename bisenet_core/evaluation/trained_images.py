"""Say where a network is scored on images that it was trained on: such a score says little of new ones."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from bisenet_core.runtime.model_card import ModelCard

# Of a path, that is where a data set and its split are named: camvid/val/labels, or bags/camvid_val.mcap.
_PARTS = 3


def trained_on(card: ModelCard) -> str | None:
    """The data and its splits that a network was trained on, "camvid train+val"; None where not known."""
    splits = "+".join(training_splits(card))
    return f"{card.training_data} {splits}" if splits else None


def training_splits(card: ModelCard) -> list[str]:
    """The splits of ``card.training_data`` that the network was trained on; none where that is not known."""
    splits = [str(card.recipe.get(key, "")).split("+") for key in ("train_split", "weights_splits")]
    return [split for split in dict.fromkeys(sum(splits, [])) if split]


def seen_splits(card: ModelCard, data: str, split: str) -> list[str]:
    """Those of the splits ``split``, "val" or "train+val", of a data set that the network was trained on.

    ``data``: its name as in ``card.training_data``: of one's own data, that of its classes.
    """
    known = training_splits(card) if data == card.training_data else []
    return [part for part in split.split("+") if part in known]


def seen_by_name(card: ModelCard, paths: Iterable[Path]) -> list[str]:
    """Splits the network was trained on to which paths seem to belong: they name the data and the split."""
    return sorted({split for path in paths for split in training_splits(card) if _names(path, card, split)})


def seen_note(card: ModelCard, splits: Sequence[str]) -> str | None:
    """What a headline says of scores on these splits, of which the network has seen all; None for none."""
    if not splits:
        return None
    return f"trained on these images ({card.training_data} {'+'.join(splits)}): no measure of new ones"


def _names(path: Path, card: ModelCard, split: str) -> bool:
    words = re.findall("[a-z0-9]+", "/".join(path.resolve().parts[-_PARTS:]).lower())
    data = re.findall("[a-z0-9]+", card.training_data.lower())
    # "validation" and "train2017" are val and train
    return set(data) <= set(words) and any(word.startswith(split.lower()) for word in words)
