"""Scores of a network on one split of a data set."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any
from typing import Protocol as Interface

import numpy as np

from bisenet_core.errors import InputError
from bisenet_core.evaluation.metrics.scoring import Scores, by_class
from bisenet_core.evaluation.protocols.protocol import Protocol, SizedNetwork
from bisenet_core.labels.label_space import UNLABELED, LabelSpace
from bisenet_core.labels.metrics import class_counts, ratio

#: Yields the items it is given, of which there are so many, and shows how far it is.
Progress = Callable[[Iterable[int], int], Iterable[int]]


class LabelledImages(Interface):
    """What is needed of a data set: see ``bisenet_core.learning.datasets``."""

    label_space: LabelSpace

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """(image HxWx3 uint8 RGB, labels HxW uint8 class ids, UNLABELED where there is none)."""


class EveryNth:
    """Every ``step``-th image of a data set, from the first."""

    def __init__(self, dataset: LabelledImages, step: int) -> None:
        self._dataset, self._step, self.label_space = dataset, step, dataset.label_space

    def __len__(self) -> int:
        return len(range(0, len(self._dataset), self._step))

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        return self._dataset[index * self._step]


class DatasetScores(Scores):
    """Scores of a data set, whose pixels without a class are ``UNLABELED``."""

    def __init__(self, label_space: LabelSpace) -> None:
        super().__init__(label_space, UNLABELED)

    @property
    def absent(self) -> list[str]:
        """Classes of which the ground truth has no pixel: they are not in the mean."""
        true = class_counts(self.matrix.counts)[1]
        return [name for name, pixels in zip(self.label_space.classes, true) if not pixels]

    def counts_by_class(self) -> dict[str, dict[str, float | None]]:
        """``recall``, ``precision`` (None where undefined) and ``pixels`` in the truth, by class name."""
        right, true, found = class_counts(self.matrix.counts)
        recall, precision = (by_class(ratio(right, of), self.label_space.classes) for of in (true, found))
        return {
            name: {"recall": recall[name], "precision": precision[name], "pixels": int(pixels)}
            for name, pixels in zip(self.label_space.classes, true)
        }

    def as_json(self) -> dict[str, Any]:
        """``miou``, ``iou`` by name, ``pixel_accuracy``, ``images``, ``absent_classes``, ``classes`` and
        ``confusion``, whose rows are true classes and whose last column counts pixels without a label."""
        own = {"absent_classes": self.absent, "classes": self.counts_by_class()}
        return {**super().as_json(), **own, "confusion": self.matrix.counts.tolist()}


def evaluate_dataset(
    network: SizedNetwork, dataset: LabelledImages, protocol: Protocol,
    progress: Progress = lambda items, total: items
) -> DatasetScores:
    """Label every image of ``dataset`` as ``protocol`` says and count the pixels.

    Raises InputError for a network with other classes, a bad file (named), or a split without ground truth;
    InferenceError for logits that are no numbers.
    """
    scores = DatasetScores(dataset.label_space)
    for index, (image, truth) in enumerate(labelled_pairs(network, dataset, progress)):
        scores.add(protocol.labels(network, image), truth, f"image {index}")
    return scores


def labelled_pairs(
    network: SizedNetwork, dataset: LabelledImages, progress: Progress
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Each image of ``dataset`` and its labels. Raises InputError for other classes than the network's, and
    in the end where no pixel had a class."""
    refuse_other_classes(network.card.label_space, dataset.label_space)
    labelled = False
    for index in progress(range(len(dataset)), len(dataset)):
        image, truth = dataset[index]
        labelled = labelled or bool((truth != UNLABELED).any())
        yield image, truth
    if not labelled:
        raise InputError(
            f"none of the {len(dataset)} images has ground truth with a class of {dataset.label_space.name}; "
            "choose another split: the labels of some test sets are not public"
        )


def refuse_other_classes(model: LabelSpace, truth: LabelSpace) -> None:
    """Raise InputError where a model cannot be scored on a data set, as their classes differ."""
    if model.classes != truth.classes:
        raise InputError(f"the model's classes are {model.name}'s, the data set's are {truth.name}'s; "
                         "choose a model trained for this data set, or name the data's kind (--dataset)")
