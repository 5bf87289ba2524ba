"""Status: what the node says of itself, as the planner has heard it."""

import platform
from contextlib import suppress
from importlib import metadata
from typing import NamedTuple

from bisenet_core import __version__

_RUNS = ("model", "backend", "precision", "device", "input_size")


class Status(NamedTuple):
    """What the node says of a camera in diagnostics."""

    facts: dict[str, str]
    age_s: float  # since it came


def what_runs(facts: dict[str, str]) -> dict[str, str]:
    """What a status says of the network and where it runs, and the versions of what it runs with."""
    backend = facts["backend"]
    versions = {"bisenet_version": __version__, "python_version": platform.python_version()}
    with suppress(metadata.PackageNotFoundError):  # a build that goes by another name
        versions["backend_version"] = metadata.version(backend)
    return dict({name: facts[name] for name in _RUNS}, **versions)
