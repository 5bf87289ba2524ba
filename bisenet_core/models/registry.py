"""Create networks by name, and check their options."""

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from torch import nn

from bisenet_core.errors import InputError, suggest
from bisenet_core.models.backbones import TrunkClassifier
from bisenet_core.models.bisenetv1 import BiSeNetV1
from bisenet_core.models.bisenetv2.network import BiSeNetV2
from bisenet_core.models.efficientvit.network import EfficientViTSeg
from bisenet_core.models.layers import SegmentationNetwork
from bisenet_core.models.stdc import STDCClassifier, STDCSeg

#: A class, or a ``functools.partial`` of one.
NETWORKS: dict[str, Callable[..., nn.Module]] = {
    "bisenetv1_resnet18": partial(BiSeNetV1, backbone="resnet18"),
    # the authors publish no ResNet50: as their ResNet101, which has a wider head and a deep stem
    "bisenetv1_resnet50": partial(
        BiSeNetV1, backbone="resnet50_v1c", head_channels=256, auxiliary_channels=256
    ),
    "bisenetv1_resnet101": partial(
        BiSeNetV1, backbone="resnet101_v1c", head_channels=256, auxiliary_channels=256
    ),
    "bisenetv1_xception39": partial(BiSeNetV1, backbone="xception39"),
    "bisenetv2": BiSeNetV2,
    "bisenetv2_large": partial(BiSeNetV2, alpha=2.0, depth=3),
    "efficientvit_b0": partial(EfficientViTSeg, variant="b0"),
    "efficientvit_b1": partial(EfficientViTSeg, variant="b1"),
    "stdc1": partial(STDCClassifier, backbone="stdc1"),
    "stdc1_seg": partial(STDCSeg, backbone="stdc1"),
    "stdc2": partial(STDCClassifier, backbone="stdc2"),
    "stdc2_seg": partial(STDCSeg, backbone="stdc2"),
    "xception39": partial(TrunkClassifier, backbone="xception39"),
}


def list_models() -> list[str]:
    """Names that ``create_model`` knows, sorted."""
    return sorted(NETWORKS)


def is_segmentation(name: str) -> bool:
    """Whether ``name`` labels pixels; the others label whole images. ``InputError`` for an unknown name."""
    network = NETWORKS[_known("network", name, list_models())]
    return issubclass(_class_of(network), SegmentationNetwork)


def create_model(name: str, num_classes: int, **options: Any) -> nn.Module:
    """Build the network ``name`` with freshly initialised weights.

    Raises ``InputError`` for an unknown network or option, naming the nearest known one, and for an option of
    another type than its default.
    """
    network = NETWORKS[_known("network", name, list_models())]
    known = _options_of(network)
    if num_classes < 1:
        raise InputError(f"{name} for {num_classes} classes: expected at least 1")
    for option, value in options.items():
        _check_value(name, known[_known(f"option of {name}", option, list(known))], value)
    return network(num_classes, **options)


def all_options(name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """``options`` of the network ``name`` with the defaults of all others."""
    return {**{known: p.default for known, p in _options_of(NETWORKS[name]).items()}, **options}


def _options_of(network: Callable[..., nn.Module]) -> dict[str, inspect.Parameter]:
    """Parameters of a network's constructor but for the number of classes, and those of its ``Options``."""
    sources = [network, getattr(_class_of(network), "options_class", None)]
    parameters = [p for source in sources if source for p in inspect.signature(source).parameters.values()]
    return {p.name: p for p in parameters if p.name != "num_classes" and p.kind != p.VAR_KEYWORD}


#: Annotation of an option -> what may be given, and that in words. Numbers are widths, depths and ratios.
_KINDS: dict[Any, tuple[Any, str]] = {
    float: ((int, float), "a number above 0"),
    int: (int, "a whole number above 0"),
    bool: (bool, "true or false"),
    str: (str, "text"),
}


def _check_value(name: str, option: inspect.Parameter, value: Any) -> None:
    accepted, words = _KINDS.get(option.annotation, (object, ""))
    fits = isinstance(value, accepted) and isinstance(value, bool) == (option.annotation is bool)
    if not fits or (option.annotation in (int, float) and not 0 < value < float("inf")):
        raise InputError(f"option {option.name} of {name} is {value!r}; expected {words}")


def _class_of(network: Any) -> Any:
    return network.func if isinstance(network, partial) else network


def _known(what: str, name: str, known: list[str]) -> str:
    if name not in known:
        raise InputError(f"no {what} is called {name!r}; {suggest(name, known)}")
    return name
