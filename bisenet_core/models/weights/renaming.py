"""How another code base names the tensors of a network, and what else its weights need."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from torch import Tensor

from bisenet_core.errors import InputError

#: (pattern of their name, our name with \1 .. for groups); None: the deployed network has no use for it
Rule = tuple[str, str | None]


class Statistics(NamedTuple):
    """What images are normalised with, RGB: mean and standard deviation of values from 0 to 1."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]


IMAGENET = Statistics((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def conv_norm(theirs: str, ours: str, conv: str = "conv", norm: str = "bn") -> tuple[Rule, ...]:
    """Their ``theirs``.``conv`` and .``norm`` are our ``ConvNormAct``; a group of ``theirs`` is \\1."""
    return (
        (rf"{theirs}\.{conv}\.(?P<tensor>weight)", rf"{ours}.0.\g<tensor>"),
        (rf"{theirs}\.{norm}\.(?P<tensor>\w+)", rf"{ours}.1.\g<tensor>"),
    )


def plain(theirs: str, ours: str) -> tuple[Rule, ...]:
    """One module with tensors of its own."""
    return ((rf"{theirs}\.(?P<tensor>\w+)", rf"{ours}.\g<tensor>"),)


def torchvision_resnet(theirs: str = "", ours: str = "") -> tuple[Rule, ...]:
    """Their ResNet below ``theirs``, a pattern, named as in torchvision, is ours below ``ours``."""
    return (
        (theirs + r"conv1\.(\w+)", ours + r"conv1.0.\1"),
        (theirs + r"bn1\.(\w+)", ours + r"conv1.1.\1"),
        (theirs + r"(layer\d\.\d+\.)conv(\d)\.(\w+)", ours + r"\1conv\2.0.\3"),
        (theirs + r"(layer\d\.\d+\.)bn(\d)\.(\w+)", ours + r"\1conv\2.1.\3"),
        (theirs + r"(layer\d\.\d+\.downsample\.[01]\.\w+)", ours + r"\1"),
    )


def our_name(name: str, rules: Iterable[Rule]) -> str | None:
    """Our name of their tensor ``name``; None for one without use. KeyError where no rule knows it."""
    for pattern, replacement in rules:
        match = re.fullmatch(pattern, name)
        if match is not None:
            return match.expand(replacement) if replacement is not None else None
    raise KeyError(name)


@dataclass(frozen=True)
class Renaming:
    """How a code base names the tensors of ``network``, and what else its weights ask for.

    ``options`` make ``create_model(network, ...)`` compute what theirs does. The first rule whose pattern
    matches a whole name decides. ``statistics`` stand by data set ("cityscapes", "cocostuff", "ade20k").
    ``convert`` (their name, tensor) changes values where theirs mean something else. ``upsampling`` is how
    they bring the logits to the image's size, "half_pixel" or "align_corners" (PyTorch's argument).
    """

    network: str
    rules: tuple[Rule, ...]
    statistics: Mapping[str, Statistics]
    options: Mapping[str, Any] = field(default_factory=dict)
    convert: Callable[[str, Tensor], Tensor] = lambda _name, tensor: tensor
    upsampling: str = "half_pixel"

    def translate(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Tensors under our names, those without use left out. ``InputError`` names those no rule knows."""
        ours, unknown = {}, []
        for name, tensor in state.items():
            try:
                wanted = our_name(name, self.rules)
            except KeyError:
                unknown.append(name)
                continue
            if wanted is not None:
                ours[wanted] = self.convert(name, tensor)
        if unknown:
            raise InputError(
                f"{len(unknown)} tensors are not of {self.network}, first {', '.join(sorted(unknown)[:3])}"
            )
        return ours
