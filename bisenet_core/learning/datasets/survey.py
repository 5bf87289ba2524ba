"""Read a whole data set before training on it, and list its faults and contents."""

from collections import Counter
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from bisenet_core.errors import InputError
from bisenet_core.images.orientation import asks_for_turn
from bisenet_core.labels.label_space import UNLABELED
from bisenet_core.learning.datasets.image_file import lacks_pixels, read_bytes
from bisenet_core.learning.datasets.imagenet import ClassificationDataset
from bisenet_core.learning.datasets.segmentation_dataset import SegmentationDataset

_CHUNK = 32  # images between two signs of progress


#: Of which each image has labels, or one class.
Surveyable = SegmentationDataset | ClassificationDataset


@dataclass
class Survey:
    """``problems``: a line each, which names the file. Of the sound images: how many are of each
    (width, height) in ``sizes``, and how many pixels (or images, where those have one class each) are of
    each class id in ``counts``, where UNLABELED may be among the ids. ``not_turned``: files of those whose
    orientation tag asks for a turn, which is never made."""

    problems: list[str] = field(default_factory=list)
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    counts: Counter[int] = field(default_factory=Counter)
    not_turned: list[str] = field(default_factory=list)

    def add(self, other: "Survey") -> None:
        """Take in what ``other`` has seen."""
        self.problems += other.problems
        self.not_turned += other.not_turned
        self.sizes.update(other.sizes)
        self.counts.update(other.counts)


def survey(
    dataset: Surveyable, workers: int = 1, advance: Callable[[int], None] = lambda images: None
) -> Survey:
    """Read every image and its labels in ``workers`` threads; ``advance`` is told how many more are done."""
    result = Survey(list(dataset.unpaired))
    chunks = [range(i, min(i + _CHUNK, len(dataset))) for i in range(0, len(dataset), _CHUNK)]
    with ThreadPoolExecutor(max(workers, 1)) as pool:  # decoders let other threads run meanwhile
        for chunk, part in zip(chunks, pool.map(lambda chunk: _survey_of(dataset, chunk), chunks)):
            result.add(part)
            advance(len(chunk))
    if result.sizes:
        known = range(len(dataset.class_names))
        result.problems += lacking_classes(dataset, [index for index in result.counts if index in known])
    return result


def lacking_classes(dataset: Surveyable, found: Collection[int], least: int = 2) -> list[str]:
    """A line where fewer than ``least`` classes were ``found`` in all of ``dataset``, by their ids."""
    if len(found) >= least:
        return []
    what = f"only class {dataset.class_names[min(found)]!r}" if found else "no class at all"
    return [
        f"{dataset.image_path(0)} and all other images of this split have pixels of {what}; expected {least} "
        'or more classes: label what else there is, or where label files hold other ids, such as 0 and 255, '
        'map them with "file_ids" in classes.json'
    ]


def check_classes(dataset: SegmentationDataset, least: int) -> None:
    """Read label files until ``least`` classes were seen, of sound data in the first ones. InputError."""
    found: set[int] = set()
    for index in range(len(dataset)):
        found |= set(np.unique(dataset.labels(index)).tolist()) - {UNLABELED}
        if len(found) >= least:
            return
    raise InputError(*lacking_classes(dataset, found, least))


def _survey_of(dataset: Surveyable, indices: range) -> Survey:
    result = Survey()
    for index in indices:
        try:
            image, labels = dataset[index]
        except InputError as error:
            result.problems.append(str(error))
            continue
        content = read_bytes(dataset.image_path(index))
        if lacks_pixels(content):
            result.problems.append(
                f"{dataset.image_path(index)} is a truncated JPEG, though it has an end marker; restore it "
                "or remove the pair"
            )
            continue
        counts = np.bincount(np.ravel(labels))
        result.counts.update({int(i): int(counts[i]) for i in np.flatnonzero(counts)})
        result.sizes[image.shape[1], image.shape[0]] += 1
        if asks_for_turn(content):
            result.not_turned.append(str(dataset.image_path(index)))
    return result
