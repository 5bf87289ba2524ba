"""Versions of all that a figure depends on."""

import platform

import numpy as np

from bisenet_core import __version__
from bisenet_core.runtime.segmenter import Segmenter


def versions(segmenter: Segmenter) -> dict[str, str]:
    """Versions of all that the figures depend on."""
    return {
        "bisenet": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        segmenter.backend.name: segmenter.backend.version,
    }
