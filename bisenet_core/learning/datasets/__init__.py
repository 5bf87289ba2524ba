"""Datasets in the folder layouts people have on disk."""

from bisenet_core.learning.datasets.folder import PairedFolder
from bisenet_core.learning.datasets.registry import DATASETS, open_dataset

__all__ = ["DATASETS", "PairedFolder", "open_dataset"]
