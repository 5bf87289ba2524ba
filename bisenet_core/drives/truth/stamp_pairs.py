"""StampPairs: which labels belong to which images, by their stamps."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from bisenet_core.errors import InputError

Stamps = np.ndarray | Sequence[int]


class StampPairs:
    """Stamps must be equal to the nanosecond. Of several images with one stamp, as a clock that stands
    still gives them, the k-th has the k-th label of that stamp, if there are as many of both.

    ``images``, ``labels``: nanoseconds, in the order of recording or of names; -1 for one without a stamp.
    """

    def __init__(self, images: Stamps, labels: Stamps) -> None:
        self._stamps = images
        self._images, self._labels = _places(images), _places(labels)

    def find(self, index: int) -> int | None:
        """The label of image ``index``; None for none. Raises InputError where it cannot be told."""
        stamp_ns = int(self._stamps[index])
        labels, images = self._labels.get(stamp_ns, []), self._images.get(stamp_ns, [])
        if not labels:
            return None
        if len(labels) != len(images):
            raise InputError(f"its stamp is on {len(images)} images and {len(labels)} labels")
        return labels[bisect_left(images, index)]

    def notes(self) -> list[str]:
        """What is odd about the whole: one line each."""
        counts = {stamp: len(images) for stamp, images in self._images.items()}
        shared = counts.keys() & self._labels.keys()
        unclear = sum(counts[stamp] for stamp in shared if counts[stamp] != len(self._labels[stamp]))
        notes = [f"ground truth: {unclear} frames are left out; another number of labels has their stamp"]
        known = sum(map(len, self._labels.values()))
        unused = known - sum(len(self._labels[stamp]) for stamp in shared)
        unlabelled = len(self._stamps) - sum(counts[stamp] for stamp in shared)
        return notes[: bool(unclear)] + matching_notes(known, unused, unlabelled, len(self._stamps))


def _places(stamps_ns: Stamps) -> dict[int, list[int]]:
    """Stamp -> where it is, ascending."""
    places: dict[int, list[int]] = defaultdict(list)
    for place, stamp in enumerate(map(int, stamps_ns)):
        if stamp >= 0:
            places[stamp].append(place)
    return dict(places)


def matching_notes(count: int, unused: int, unlabelled: int, frames: int) -> list[str]:
    """Of ``count`` labels that are matched to ``frames``: how many match none, and how many have none."""
    if count and unused == count:
        return [f"ground truth: none of its {count} labels matches a frame; nothing is scored"]
    notes = [f"ground truth: {unused} of its {count} labels match no frame"] if unused else []
    return notes + ([f"ground truth: {unlabelled} of {frames} frames have none"] if unlabelled else [])
