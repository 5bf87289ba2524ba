"""A trained network that another one learns from, and which of its classes stand for those of the data."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from bisenet_core.drives.yaml_file import read_yaml
from bisenet_core.errors import InputError, parsing, suggest
from bisenet_core.learning.checkpoint import load_network
from bisenet_core.learning.pretrained import read_trained
from bisenet_core.learning.recipe import Recipe
from bisenet_core.learning.recipe_checks import STRIDE
from bisenet_core.learning.transforms import normalised
from bisenet_core.models import create_model

#: Networks take images whose sides are multiples of this.
_MULTIPLE = 32
_MAPPINGS = Path(__file__).resolve().parents[2] / "training" / "teacher_classes"


class Teacher:
    """The network of ``recipe.teacher``, asked for the probabilities of ``classes``.

    It sees each image at the ``teacher_scales`` of its size, as it is and mirrored; the probabilities, at
    ``teacher_temperature``, are averaged. ``InputError`` for a file that is no checkpoint of a network that
    labels pixels, and for classes that are not those of the data and have no mapping to them.
    """

    def __init__(self, recipe: Recipe, classes: Sequence[str], device: torch.device | None = None) -> None:
        before = read_trained(recipe.teacher)
        if before.label_space is None:
            raise InputError(f"teacher {recipe.teacher} labels whole images; expected one that labels pixels")
        theirs = before.label_space.classes
        self.mapping = class_mapping(theirs, classes, recipe)
        options = {**before.recipe.options, "auxiliary": False}
        self.network = create_model(before.recipe.network, len(theirs), **options).eval()
        state = {n: t for n, t in before.state.items() if not n.startswith("network.auxiliary.")}
        load_network(self.network, state)
        self.network.to(device)
        self.device, self.mean, self.std = device, before.recipe.mean, before.recipe.std
        self.scales, self.temperature = recipe.teacher_scales, recipe.teacher_temperature

    @torch.no_grad()
    def probabilities(self, image: np.ndarray) -> Tensor:
        """HxWx3 uint8 RGB -> KxhxW float32 of 1/``STRIDE`` of its size, rounded up, on the CPU.

        They add up to 1 but for what belongs to classes that the data does not have.
        """
        size = soft_size(image.shape[:2])
        found = [self._seen_at(image, scale, size) for scale in self.scales]
        return torch.einsum("ck,khw->chw", self.mapping, torch.stack(found).mean(0).cpu())

    def _seen_at(self, image: np.ndarray, scale: float, size: tuple[int, int]) -> Tensor:
        height, width = (max(1, round(side * scale / _MULTIPLE)) * _MULTIPLE for side in image.shape[:2])
        pixels = torch.from_numpy(normalised(cv2.resize(image, (width, height)), self.mean, self.std))
        both = self.network(torch.stack([pixels, pixels.flip(-1)]).to(self.device))
        logits = functional.interpolate(both.float(), size=size, mode="bilinear", align_corners=False)
        plain, mirrored = (logits / self.temperature).softmax(1)
        return (plain + mirrored.flip(-1)) / 2


def soft_size(shape: tuple[int, ...]) -> tuple[int, int]:
    """(rows, columns) of the probabilities of an image of ``shape`` (rows, columns)."""
    height, width = (-(-side // STRIDE) for side in shape)
    return height, width


def at_soft_pixels(pixels: Tensor) -> Tensor:
    """Those of ...xHxW that lie in the middle of the pixels of soft labels, or last in the image."""
    rows, columns = (
        torch.arange(STRIDE // 2, side + STRIDE // 2, STRIDE, device=pixels.device).clamp(max=side - 1)
        for side in pixels.shape[-2:]
    )
    return pixels[..., rows[:, None], columns]


def class_mapping(theirs: Sequence[str], ours: Sequence[str], recipe: Recipe) -> Tensor:
    """len(ours) x len(theirs) float32 of 0 and 1, which adds up what stands for one class.

    ``recipe.teacher_classes`` is a YAML file, or the name of one in training/teacher_classes, that gives for
    each class of the teacher a class of the data, or "" for none; without it both have the same classes.
    ``InputError`` where classes are unknown, missing, or taught by none.
    """
    named = recipe.teacher_classes
    pairs = _read_mapping(_found(named)) if named else {name: name for name in theirs}
    origin = f"teacher_classes {named}" if named else f"teacher {recipe.teacher}"
    for what, names, known in (
        ("maps to", [name for name in pairs.values() if name], ours),
        ("maps from", pairs, theirs),
        ("has nothing for the teacher's", theirs, pairs),
        ("has nothing for the data's", ours, pairs.values()),
    ):
        strange = [name for name in names if name not in known]
        if strange:
            advice = "" if named else "; name a mapping of its classes to the data's as teacher_classes"
            nearest = suggest(strange[0], filter(None, known))
            raise InputError(f"{origin} {what} {strange[0]!r}; {nearest}{advice}")
    return torch.tensor([[float(pairs[name] == wanted) for name in theirs] for wanted in ours])


def _found(named: str) -> Path:
    shipped = _MAPPINGS / f"{named}.yaml"
    return shipped if shipped.exists() else Path(named)


def _read_mapping(path: Path) -> Mapping[str, str]:
    with parsing(f"teacher_classes {path} cannot be read"):
        pairs = read_yaml(path)
    if not isinstance(pairs, dict) or not all(isinstance(n, str) for pair in pairs.items() for n in pair):
        raise InputError(f"teacher_classes {path} is no mapping of class names to class names")
    return pairs
