"""Ways to label a data set for scoring: single scale, resized, multi-scale with flips, sliding window."""

from dataclasses import fields
from typing import Any

from bisenet_core.errors import InputError, suggest
from bisenet_core.evaluation.protocols.dataset_scores import DatasetScores, evaluate_dataset
from bisenet_core.evaluation.protocols.kinds import MultiScale, Pad, Resize, Single, Sliding
from bisenet_core.evaluation.protocols.protocol import Protocol, SizedNetwork

__all__ = ["PROTOCOLS", "DatasetScores", "Protocol", "SizedNetwork", "evaluate_dataset", "make_protocol"]

_KINDS = (Single, Resize, Pad, MultiScale, Sliding)
PROTOCOLS: dict[str, type[Protocol]] = {kind.kind: kind for kind in _KINDS}


def make_protocol(kind: str, **settings: Any) -> Protocol:
    """The protocol called ``kind``; settings that are None keep their defaults.

    Raises InputError for another name, a setting that this protocol does not have, or a bad value.
    """
    if kind not in PROTOCOLS:
        raise InputError(f"no protocol is called {kind!r}; {suggest(kind, PROTOCOLS)}")
    given = {name: value for name, value in settings.items() if value is not None}
    own = [field.name for field in fields(PROTOCOLS[kind])]
    for name in given:
        if name not in own:
            takes = ", ".join(f"--{known}" for known in own)
            raise InputError(f"--{name} means nothing to --protocol {kind}, which takes {takes}")
    return PROTOCOLS[kind](**given)
