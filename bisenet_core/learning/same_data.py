"""Compare the classes and files of a data set with those that a checkpoint was trained on."""

import hashlib
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any, Protocol

from bisenet_core.errors import InputError
from bisenet_core.labels.label_space import LabelSpace
from bisenet_core.learning.checkpoint import Checkpoint

SHOWN = 3


class NamedFiles(Protocol):
    """A split of a data set."""

    def __len__(self) -> int: ...

    def name(self, index: int) -> str:
        """What a file is called in its split, wherever the data set lies."""


def inventory(splits: Mapping[str, NamedFiles]) -> dict[str, dict[str, Any]]:
    """How many images each split has, and a SHA-256 of their names in order, as a checkpoint keeps them."""
    return {split: {"images": len(files), "names": _digest(files)} for split, files in splits.items()}


def _digest(files: NamedFiles) -> str:
    digest = hashlib.sha256()
    for index in range(len(files)):
        digest.update(files.name(index).encode("utf-8", "surrogateescape") + b"\0")
    return digest.hexdigest()


def check_same_classes(
    before: Checkpoint, classes: Sequence[str], space: LabelSpace | None, path: Path, advice: str
) -> None:
    """``InputError`` unless class names and colours are, id by id, those of the checkpoint ``path``.

    A checkpoint that does not say its classes is not compared.
    """
    changes = _renamed(before.classes, classes) if before.classes else []
    if not changes and before.label_space is not None and space is not None:
        rows = zip(space.classes, before.label_space.palette, space.palette)
        changes = [f"the colour of {name!r} was {list(a)} and is {list(b)}" for name, a, b in rows if a != b]
    if changes:
        more = f"; and {len(changes) - SHOWN} more" if len(changes) > SHOWN else ""
        raise InputError(
            f"{path} was trained on other classes than the data has: {'; '.join(changes[:SHOWN])}{more}; "
            f"expected the same names and colours in the same order; {advice}"
        )


def _renamed(before: Sequence[str], now: Sequence[str]) -> list[str]:
    shown = ["absent" if name is None else repr(name) for pair in zip_longest(before, now) for name in pair]
    pairs = enumerate(zip(shown[::2], shown[1::2]))
    return [f"class {index} was {a} and is {b}" for index, (a, b) in pairs if a != b]


def check_same_files(before: Checkpoint, now: Mapping[str, Mapping[str, Any]], path: Path) -> None:
    """``InputError`` unless each split has the files that it had when the run of ``path`` began.

    A checkpoint that does not say is not compared.
    """
    changes = [
        f"{split} had {then['images']} images and has {now[split]['images']}"
        + (", under other names" if then["images"] == now[split]["images"] else "")
        for split, then in before.files.items()
        if split in now and then != now[split]
    ]
    if changes:
        raise InputError(
            f"the data has changed since the run of {path} began: {'; '.join(changes)}; restore its files, "
            f"or begin a new run with --weights {path} and another --output, or go on with --changed-data as "
            "a run that is no longer the one it would have been"
        )
