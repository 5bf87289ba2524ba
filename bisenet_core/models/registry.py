"""Networks by name."""

import inspect
from collections.abc import Callable
from difflib import get_close_matches
from typing import Any

from torch import nn

from bisenet_core.errors import InputError
from bisenet_core.models.bisenetv2 import BiSeNetV2

NETWORKS: dict[str, Callable[..., nn.Module]] = {"bisenetv2": BiSeNetV2}


def list_models() -> list[str]:
    """Names that ``create_model`` knows, sorted."""
    return sorted(NETWORKS)


def create_model(name: str, num_classes: int, **options: Any) -> nn.Module:
    """Build the network ``name`` with freshly initialised weights.

    Raises ``InputError`` for an unknown network or option, naming the nearest known one.
    """
    network = NETWORKS[_known("network", name, list_models())]
    known = [p for p in inspect.signature(network).parameters if p != "num_classes"]
    for option in options:
        _known(f"option of {name}", option, known)
    return network(num_classes, **options)


def _known(what: str, name: str, known: list[str]) -> str:
    if name not in known:
        near = get_close_matches(name, known, 1)
        hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
        raise InputError(f"no {what} is called {name!r}; {hint}")
    return name
