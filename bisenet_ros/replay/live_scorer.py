"""LiveScorer: compares labels with ground truth while the next ones come in."""

import queue
import threading
from collections import Counter

import numpy as np

from bisenet_core.drives.truth.truth import Truth
from bisenet_core.errors import InputError
from bisenet_core.evaluation.metrics.scoring import Scores
from bisenet_core.labels.label_space import LabelSpace

_WAITING_AT_MOST = 64

BUSY = "scoring was too slow for it"


class LiveScorer:
    """Scores in a thread of its own, so that no receipt is timed late; ``with`` ends it once it is through.

    It has room for a bounded number of label images. One that finds none is not scored, and counted so.
    """

    def __init__(self, label_space: LabelSpace, truth: Truth | None) -> None:
        self.scores = Scores(label_space)
        self.unscored: Counter[str] = Counter()  # by reason
        self._truth = truth
        self._waiting: queue.Queue[tuple[int, np.ndarray] | None] = queue.Queue(_WAITING_AT_MOST)
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> "LiveScorer":
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._waiting.put(None)
        self._thread.join()

    def add(self, index: int, labels: np.ndarray) -> None:
        """Leave HxW uint8 labels of the frame with this index to be scored."""
        if self._truth is None:
            return
        try:
            self._waiting.put_nowait((index, labels))
        except queue.Full:
            self.unscored[BUSY] += 1

    def _work(self) -> None:
        for index, labels in iter(self._waiting.get, None):
            self._score(index, labels)

    def _score(self, index: int, labels: np.ndarray) -> None:
        assert self._truth is not None
        height, width = labels.shape
        truth, problem = self._truth.of(index, (height, width))
        if truth is None:
            self.unscored[problem or "no ground truth"] += 1
            return
        try:
            self.scores.add(labels, truth, f"image {index}")
        except InputError as error:
            self.unscored[str(error)] += 1
