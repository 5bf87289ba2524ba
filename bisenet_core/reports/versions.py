"""Versions of the software that a measurement depends on."""

import platform

import numpy as np

from bisenet_core import __version__
from bisenet_core.runtime.segmenter import Segmenter


def versions(segmenter: Segmenter) -> dict[str, str]:
    """Version by name: this package, Python, numpy and the library behind ``segmenter``."""
    return {
        "bisenet": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        segmenter.backend.name: segmenter.backend.version,
    }
