"""Match labels with images by their stamps."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from bisenet_core.errors import InputError

Stamps = np.ndarray | Sequence[int]


class StampPairs:
    """Pairs of images and labels whose stamps are equal to the nanosecond.

    Of several images with one stamp, as a clock that stands still gives them, the k-th has the k-th label of
    that stamp, if there are as many of both.

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
        """Oddities of all labels together: one line each."""
        frames, labels = len(self._stamps), sum(map(len, self._labels.values()))
        shared = self._images.keys() & self._labels.keys()
        pairs = [(len(self._images[stamp]), len(self._labels[stamp])) for stamp in shared]
        unclear = sum(images for images, theirs in pairs if images != theirs)
        unlabelled = frames - sum(images for images, _ in pairs)
        unused = labels - sum(theirs for _, theirs in pairs)
        if labels and not pairs:
            return [f"ground truth: none of its {labels} labels matches a frame; nothing is scored"]
        counted = [
            (unclear, f"{unclear} frames are left out; another number of labels has their stamp"),
            (unused, f"{unused} of its {labels} labels match no frame"),
            (unlabelled, f"{unlabelled} of {frames} frames have none"),
        ]
        return [f"ground truth: {text}" for number, text in counted if number]


def _places(stamps_ns: Stamps) -> dict[int, list[int]]:
    """Stamp -> where it is, ascending."""
    places: dict[int, list[int]] = defaultdict(list)
    for place, stamp in enumerate(map(int, stamps_ns)):
        if stamp >= 0:
            places[stamp].append(place)
    return dict(places)
