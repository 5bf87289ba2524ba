"""Reading the checkpoints that `bisenet train` writes, and comparing their data with that on disk."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import torch
from torch import nn

from bisenet_core.errors import InputError, parsing
from bisenet_core.labels.label_space import LABEL_SPACES, LabelSpace
from bisenet_core.learning.datasets.opening import OWN_DATA
from bisenet_core.learning.recipe import Recipe
from bisenet_core.models.weights.torch_file import load_torch_file


class Checkpoint(NamedTuple):
    """What a run leaves: its recipe, the module's tensors by name, and how far it had come."""

    recipe: Recipe
    label_space: LabelSpace | None  # of what labels pixels
    state: dict[str, torch.Tensor]
    progress: dict[str, Any]  # epochs, iterations
    classes: tuple[str, ...] = ()  # names by class id, also of whole images; () where an older file has none
    files: dict[str, Any] = {}  # what ``inventory`` gives of its data; {} in an older file
    teacher: str = ""  # the SHA-256 of its teacher's network; "" in an older file


def read_checkpoint(path: Path | str) -> Checkpoint:
    """Load ``path`` without running code from it; ``InputError`` if it is missing or not one of ours."""
    if Path(path).is_dir() or Path(path).suffix == ".onnx":
        raise InputError(f"{path} is a model to run; expected a checkpoint (*.ckpt) of `bisenet train`")
    if not Path(path).exists():
        raise InputError(f"checkpoint {path} does not exist; `bisenet train` writes best.ckpt")
    content = load_torch_file(path)
    with parsing(f"{path} is not a checkpoint of `bisenet train`"):
        settings = content["hyper_parameters"]
        recipe = Recipe.from_dict(settings["recipe"], str(path))
        progress = {"epochs": content["epoch"] + 1, "iterations": content["global_step"]}
        space, state = saved_classes(settings, recipe), content["state_dict"]
        classes = tuple(settings.get("classes", ())) if space is None else space.classes
        files, teacher = content.get("data_files", {}), content.get("teacher", "")
        return Checkpoint(recipe, space, state, progress, classes, files, teacher)


def data_name(recipe: Recipe, space: LabelSpace | None) -> str:
    """What the data is called: as the recipe does, one's own as its classes.json does."""
    if not recipe.train_split:
        return f"images without labels, taught the classes of {recipe.dataset}"
    return space.name if space is not None and recipe.dataset in OWN_DATA else recipe.dataset


def saved_classes(settings: dict[str, Any], recipe: Recipe) -> LabelSpace | None:
    """Of a checkpoint with the hyper-parameters ``settings``."""
    saved = settings.get("label_space")
    return LABEL_SPACES.get(recipe.dataset) if saved is None else label_space_from(saved)


def label_space_values(space: LabelSpace) -> dict[str, Any]:
    """name, classes, palette and ignore_id as text, lists and numbers, as checkpoints keep them."""
    values = asdict(space)
    return {**values, "classes": list(space.classes), "palette": [list(color) for color in space.palette]}


def label_space_from(values: dict[str, Any]) -> LabelSpace:
    """The inverse of ``label_space_values``. ``InputError`` where the parts do not fit together."""
    palette = tuple((red, green, blue) for red, green, blue in values["palette"])
    return LabelSpace(values["name"], tuple(values["classes"]), palette, values["ignore_id"])


def network_state(network: nn.Module) -> dict[str, torch.Tensor]:
    """Tensors of ``network`` by the names they have in a checkpoint, which begin with "network."."""
    return nn.ModuleDict({"network": network}).state_dict()


def load_network(network: nn.Module, state: dict[str, torch.Tensor]) -> None:
    """The inverse of ``network_state``. RuntimeError names what does not fit."""
    nn.ModuleDict({"network": network}).load_state_dict(state)


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
    changes += [f"{split} is new" for split in now if before.files and split not in before.files]
    if changes:
        raise InputError(
            f"the data has changed since the run of {path} began: {'; '.join(changes)}; restore its files, "
            f"or begin a new run with --weights {path} and another --output, or go on with --changed-data as "
            "a run that is no longer the one it would have been"
        )
