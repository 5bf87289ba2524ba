"""Datasets in the folder layouts people have on disk."""

from bisenet_core.learning.datasets.folder import PairedFolder, open_dataset

__all__ = ["PairedFolder", "open_dataset"]
