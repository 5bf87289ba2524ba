"""Datasets by name."""

from pathlib import Path

from bisenet_core.errors import InputError
from bisenet_core.label_space import CAMVID_11, LabelSpace
from bisenet_core.learning.datasets.folder import PairedFolder

DATASETS: dict[str, LabelSpace] = {"camvid": CAMVID_11}


def label_space_of(name: str) -> LabelSpace:
    """The label space of dataset ``name``; ``InputError`` if there is no such dataset."""
    if name not in DATASETS:
        raise InputError(f"no dataset is called {name!r}; known: {', '.join(DATASETS)}")
    return DATASETS[name]


def open_dataset(name: str, root: Path | str, split: str) -> PairedFolder:
    """Open ``split`` (train, val, test) of dataset ``name`` below ``root``."""
    return PairedFolder(root, split, label_space_of(name))
