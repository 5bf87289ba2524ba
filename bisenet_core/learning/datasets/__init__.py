"""Datasets in the folder layouts people have on disk."""

from bisenet_core.learning.datasets.imagenet import (
    ClassificationDataset,
    classification_splits,
    open_classification,
)
from bisenet_core.learning.datasets.opening import (
    DATASET_NAMES,
    find_dataset,
    open_dataset,
    splits_of,
    without_pairs,
)
from bisenet_core.learning.datasets.segmentation_dataset import SegmentationDataset
from bisenet_core.learning.datasets.survey import check_classes, survey

__all__ = [
    "DATASET_NAMES", "ClassificationDataset", "SegmentationDataset", "check_classes", "classification_splits",
    "find_dataset", "open_classification", "open_dataset", "splits_of", "survey", "without_pairs",
]
