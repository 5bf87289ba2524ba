"""What a validation finds out, over all processes of a run."""

import numpy as np
from torch import Tensor

from bisenet_core.labels.label_space import UNLABELED
from bisenet_core.labels.metrics import ConfusionMatrix
from bisenet_core.learning.distributed import gathered


class ValidationScore:
    """Counts over all images in ``confusion``, and the mean IoU of each in ``image_miou`` by its index.

    An image without a labelled pixel has no mean IoU.
    """

    def __init__(self, num_classes: int) -> None:
        self.confusion = ConfusionMatrix(num_classes, UNLABELED)
        self.image_miou: dict[int, float] = {}

    def update(self, labels: Tensor, target: Tensor, indices: Tensor) -> None:
        """Add B images: labels and target BxHxW of class ids or ``UNLABELED``, and their indices, B."""
        pairs = zip(labels.byte().cpu().numpy(), target.byte().cpu().numpy(), indices.tolist())
        for found, truth, index in pairs:
            own = ConfusionMatrix(self.confusion.num_classes, UNLABELED).update(found, truth)
            self.confusion.merge(own)
            if own.pixels:
                self.image_miou[index] = own.miou()

    def merge_processes(self) -> None:
        """Add what the other processes have counted; each of them does the same."""
        others = gathered((self.confusion.matrix, self.confusion.missed, self.image_miou))
        matrices, missed, images = zip(*others)
        self.confusion.matrix, self.confusion.missed = np.sum(matrices, axis=0), np.sum(missed, axis=0)
        self.image_miou = {index: miou for part in images for index, miou in part.items()}
