"""Open ground truth from wherever it lies."""

from pathlib import Path

from bisenet_core.drives.truth.folder_truth import FolderTruth
from bisenet_core.drives.truth.topic_truth import TopicTruth
from bisenet_core.drives.truth.truth import Truth
from bisenet_core.errors import InputError
from bisenet_core.labels.label_space import LabelSpace


def open_truth(
    labels: Path | None, label_topic: str | None, bag: Path, label_space: LabelSpace
) -> Truth | None:
    """Ground truth from a folder of PNGs, from a topic of the bag, or None where neither is named.

    Raises InputError for both at once, and for what cannot be read.
    """
    if labels is not None and label_topic is not None:
        raise InputError(f"ground truth is either in {labels} or on {label_topic}; name one of the two")
    if labels is not None:
        return FolderTruth(labels, label_space)
    return TopicTruth(bag, label_topic, label_space) if label_topic is not None else None
