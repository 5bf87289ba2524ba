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
#: CoinCheung's, of each data set's own images.
COINCHEUNG = {
    "cityscapes": Statistics((0.3257, 0.3690, 0.3223), (0.2112, 0.2148, 0.2115)),
    "cocostuff": Statistics((0.46962251, 0.4464104, 0.40718787), (0.27469736, 0.27012361, 0.28515933)),
    "ade20k": Statistics((0.49343230, 0.46819794, 0.43106043), (0.25680755, 0.25506608, 0.27422913)),
}


def conv_norm(theirs: str, ours: str, conv: str = "conv", norm: str = "bn") -> tuple[Rule, ...]:
    """Their ``theirs``.``conv`` and .``norm`` are our ``ConvNormAct``; a group of ``theirs`` is \\1."""
    return (
        (rf"{theirs}\.{conv}\.(?P<tensor>weight)", rf"{ours}.0.\g<tensor>"),
        (rf"{theirs}\.{norm}\.(?P<tensor>\w+)", rf"{ours}.1.\g<tensor>"),
    )


def torchvision_resnet(theirs: str = "", ours: str = "") -> tuple[Rule, ...]:
    """Their ResNet below ``theirs``, a pattern, named as in torchvision, is ours below ``ours``."""
    return (
        (theirs + r"conv1\.(\w+)", ours + r"conv1.0.\1"),
        (theirs + r"bn1\.(\w+)", ours + r"conv1.1.\1"),
        (theirs + r"(layer\d\.\d+\.)conv(\d)\.(\w+)", ours + r"\1conv\2.0.\3"),
        (theirs + r"(layer\d\.\d+\.)bn(\d)\.(\w+)", ours + r"\1conv\2.1.\3"),
        (theirs + r"(layer\d\.\d+\.downsample\.[01]\.\w+)", ours + r"\1"),
    )


#: The Context Path, fusion and head of CoinCheung's BiSeNet V1, from which STDC-Seg's code began.
COINCHEUNG_PARTS: tuple[Rule, ...] = (
    *conv_norm(r"cp\.arm(16|32)\.conv", r"context_path.attention\1.conv"),
    *conv_norm(r"cp\.arm(16|32)", r"context_path.attention\1.attention", "conv_atten", "bn_atten"),
    *conv_norm(r"cp\.conv_head(16|32)", r"context_path.refine\1"),
    *conv_norm(r"cp\.conv_avg", "context_path.global_context"),
    *conv_norm(r"ffm\.convblk", "fusion.conv"),
    *conv_norm(r"conv_out\.conv", "head.conv"),
    (r"conv_out\.conv_out\.(\w+)", r"head.classifier.\1"),
    (r"conv_out(16|32|_sp\d+)\..+", None),  # auxiliary heads
)


#: The decode head of mmsegmentation's models, and auxiliary heads, which are left out.
MMSEG_HEADS: tuple[Rule, ...] = (
    *conv_norm(r"decode_head\.convs\.0", "head.conv"),
    (r"decode_head\.conv_seg\.(\w+)", r"head.classifier.\1"),
    (r"auxiliary_head\..+", None),
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
