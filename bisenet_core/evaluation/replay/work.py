"""evaluate_part: frames of a bag in, their outcomes out; the one function that every worker runs."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from time import perf_counter
from typing import Any

import cv2
import numpy as np

from bisenet_core import __version__
from bisenet_core.drives.bag_drive import BagDrive
from bisenet_core.drives.drive import Frame
from bisenet_core.drives.opening import open_truth
from bisenet_core.drives.read_ahead import read_ahead
from bisenet_core.errors import InferenceError, InputError
from bisenet_core.evaluation.metrics.frame_result import FrameResult
from bisenet_core.evaluation.replay.cores import available_cores
from bisenet_core.evaluation.replay.frame_scores import FrameScorer, LabelledFrame, labels_png
from bisenet_core.evaluation.replay.job import Evaluation, Part, fingerprint, settings_of
from bisenet_core.evaluation.replay.part_result import PartResult
from bisenet_core.runtime.segmenter import Segmenter

#: Decoded frames that wait for the network, and labelled ones that wait to be scored: enough to bridge a
#: slow one, and of a 4K camera not more than 200 MB.
AHEAD = 3

#: Recordings that a worker keeps open: parts of a bag come mostly one after another.
MOST_OPEN = 4

#: Called with the number of frames done since the last call.
Progress = Callable[[int], None]


def evaluate_part(evaluation: Evaluation, part: Part, progress: Progress = lambda frames: None) -> PartResult:
    """Label and score the frames of one part. Raises InputError for what does not fit this evaluation."""
    return _worker(evaluation).evaluate(part, progress)


# Loading networks takes as long as many frames: a process keeps those of the evaluation it works on.
@lru_cache(maxsize=1)
def _worker(evaluation: Evaluation) -> "Worker":
    return Worker(evaluation)


class Worker:
    """The networks of an evaluation, loaded, and the recordings that were opened last for them.

    To be used with ``with``, or for as long as the process lives.
    """

    def __init__(self, evaluation: Evaluation) -> None:
        self._evaluation = evaluation
        _refuse_another("bisenet", __version__, evaluation.version)
        _refuse_another("OpenCV", cv2.__version__, evaluation.opencv_version)
        self.segmenter = self._open_model(
            evaluation.model, evaluation.model_sha256, evaluation.model_settings
        )
        self._teacher = (
            self._open_model(evaluation.teacher, evaluation.teacher_sha256, evaluation.teacher_settings)
            if evaluation.teacher
            else None
        )
        self._recordings: dict[tuple[str, str, str], BagDrive] = {}

    def evaluate(self, part: Part, progress: Progress) -> PartResult:
        """See ``evaluate_part``."""
        recording = self._recording(part)
        before = self._frame_before(recording, part.start)
        scorer = FrameScorer(part.bag, self.segmenter.label_space, before)
        frames, labels = [], []
        started = perf_counter()  # networks and bags are opened once, however long the drive
        for result, png in self._scored(scorer, self._labelled(recording, part)):
            frames.append(result)
            labels.append(png)
            progress(1)
        return PartResult(
            fingerprint(self._evaluation, part),
            frames,
            self.segmenter.backend.device,
            available_cores(),
            perf_counter() - started,
            tuple(labels) if self._evaluation.keep_labels else (),
        )

    def look(self, part: Part, index: int) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
        """Image HxWx3 uint8 RGB, ground truth if any and labels, both HxW uint8, of one labelled frame.

        ``part``: any of its bag.
        """
        (frame,) = self._recording(part).frames(index, index + 1)
        assert frame.image is not None
        return frame.image, frame.truth, self.segmenter.segment(frame.image, "rgb").labels

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *exception: Any) -> None:
        for recording in self._recordings.values():
            recording.close()
        for segmenter in filter(None, (self.segmenter, self._teacher)):
            segmenter.close()

    def _recording(self, part: Part) -> BagDrive:
        key = part.bag, part.topic, part.state
        recording = self._recordings.pop(key, None) or self._open_recording(part.bag, part.topic)
        self._recordings[key] = recording  # the last one used is the last one closed
        if len(self._recordings) > MOST_OPEN:
            self._recordings.pop(next(iter(self._recordings))).close()
        return recording

    def _frame_before(self, recording: BagDrive, start: int) -> LabelledFrame | None:
        # Labels are the same every time, so that a part needs nothing of the part before it. At the start of
        # a bag this is for the time alone: a network's first image takes it the longest.
        first = max(start - 1, 0)
        before = [self._label(frame) for frame in recording.frames(first, first + 1)]
        return before[0] if start and before else None

    def _labelled(self, recording: BagDrive, part: Part) -> Iterator[LabelledFrame]:
        yield from map(self._label, read_ahead(recording.frames(part.start, part.stop), AHEAD))

    def _scored(
        self, scorer: FrameScorer, labelled: Iterator[LabelledFrame]
    ) -> Iterator[tuple[FrameResult, bytes]]:
        """Outcomes in order, computed by one other thread while the next frames are labelled."""
        waiting: deque[Future[tuple[FrameResult, bytes]]] = deque()
        with ThreadPoolExecutor(1, thread_name_prefix="scoring") as thread:
            for frame in labelled:
                waiting.append(thread.submit(self._score, scorer, frame))
                if len(waiting) > AHEAD:
                    yield waiting.popleft().result()
            yield from (future.result() for future in waiting)

    def _score(self, scorer: FrameScorer, labelled: LabelledFrame) -> tuple[FrameResult, bytes]:
        return scorer.score(labelled), labels_png(labelled) if self._evaluation.keep_labels else b""

    def _label(self, frame: Frame) -> LabelledFrame:
        if frame.image is None:
            return LabelledFrame(frame)
        try:
            result = self.segmenter.segment(frame.image, "rgb", with_confidence=frame.truth is not None)
            teacher = self._teacher.segment(frame.image, "rgb").labels if self._teacher else None
        except InferenceError as error:
            return LabelledFrame(frame, problem=str(error))
        timings = {name.removesuffix("_ms"): value for name, value in result.timings.items()}
        timings["segment"] = timings.pop("total")
        timings["decode"] = frame.decode_ms
        return LabelledFrame(frame, result.labels, result.confidence, teacher, timings)

    def _open_model(self, model: str, sha256: str | None, settings: str | None) -> Segmenter:
        segmenter = Segmenter.open(model, self._evaluation.backend, self._evaluation.precision)
        if segmenter.card.onnx_sha256 != sha256:
            raise InputError(f"{model} is another network than the one this evaluation was begun with")
        if settings_of(segmenter) != settings:
            raise InputError(f"{model} has another model.json than the one this evaluation was begun with")
        backend = segmenter.backend
        _refuse_another(backend.name, backend.version, self._evaluation.backend_version)
        return segmenter

    def _open_recording(self, bag: str, topic: str) -> BagDrive:
        labels = Path(self._evaluation.labels) if self._evaluation.labels else None
        space = self.segmenter.label_space
        truth = open_truth(labels, self._evaluation.label_topic, Path(bag), space)
        return BagDrive(Path(bag), topic, truth)


def _refuse_another(library: str, version: str, expected: str) -> None:
    if version != expected:
        raise InputError(f"a worker has {library} {version}, the evaluation {expected}; install that there")
