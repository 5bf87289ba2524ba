"""evaluate_part labels and scores one part of a bag: the function that every process runs."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
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
from bisenet_core.evaluation.metrics.bands import distance_bands
from bisenet_core.evaluation.metrics.temporal_consistency import View
from bisenet_core.evaluation.replay.cores import available_cores
from bisenet_core.evaluation.replay.frame_result import FrameResult, FrameScorer, view_of
from bisenet_core.evaluation.replay.job import Part, ReplayJob, fingerprint, settings_of
from bisenet_core.evaluation.replay.part_result import PartResult, pack_labels
from bisenet_core.runtime.segmenter import Segmentation, Segmenter

#: Decoded frames that wait for the network, and labelled ones that wait to be scored: enough to bridge a
#: slow one, and of a 4K camera not more than 200 MB.
AHEAD = 3

#: Recordings that a worker keeps open: parts of a bag come mostly one after another.
MOST_OPEN = 4

#: Called with the number of frames done since the last call.
Progress = Callable[[int], None]


def evaluate_part(job: ReplayJob, part: Part, progress: Progress = lambda frames: None) -> PartResult:
    """Label and score the frames of one part. Raises InputError for what does not fit this job."""
    return _worker(job).evaluate(part, progress)


# Loading networks takes as long as many frames: a process keeps those of the evaluation it works on.
@lru_cache(maxsize=1)
def _worker(job: ReplayJob) -> "Worker":
    return Worker(job)


class Worker:
    """The networks of an evaluation, loaded, and the recordings that were opened last for them.

    ``opened``: recordings that the caller has open already, with the ground truth of this job; they stay
    open. To be used with ``with``, or for as long as the process lives.
    """

    def __init__(self, job: ReplayJob, opened: Sequence[BagDrive] = ()) -> None:
        self._job = job
        self._opened = {
            (str(drive.path.resolve()), drive.topic): drive for drive in opened if not drive.closed}
        _refuse_another("bisenet", __version__, job.version)
        _refuse_another("OpenCV", cv2.__version__, job.opencv_version)
        self.segmenter = self._open_model(job.model, job.model_sha256, job.model_settings)
        self._teacher = None if job.teacher is None else self._open_model(
            job.teacher, job.teacher_sha256, job.teacher_settings)
        self._recordings: dict[tuple[str, str, str], BagDrive] = {}

    def evaluate(self, part: Part, progress: Progress) -> PartResult:
        """See ``evaluate_part``."""
        recording = self._recording(part.bag, part.topic, part.state)
        before = self._view_before(recording, part.start)
        space, job = self.segmenter.label_space, self._job
        objects = [space.id_of(name) for name in job.objects or ()]
        distances = distance_bands(recording, job.camera_height, job.camera_pitch)
        scorer = FrameScorer(part.bag, space, before, distances, objects)
        results, pngs = [], []
        started = perf_counter()  # networks and bags are opened once, however long the drive
        for result, png in self._scored(scorer, recording.frames(part.start, part.stop)):
            results.append(result)
            pngs.append(png)
            progress(1)
        labels = tuple(pngs) if job.keep_labels else ()
        return PartResult(fingerprint(job, part), results, self.segmenter.backend.device, available_cores(),
                          perf_counter() - started, labels)

    def look(self, part: Part, index: int) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
        """Image HxWx3 uint8 RGB, ground truth if any and labels, both HxW uint8, of one labelled frame.

        ``part``: any of its bag.
        """
        frame = self.frame(part.bag, part.topic, index, part.state)
        assert frame.image is not None
        return frame.image, frame.truth, self.segmenter.segment(frame.image, "rgb").labels

    def frame(self, bag: str, topic: str, index: int, state: str = "") -> Frame:
        """One frame with its ground truth. Raises InputError where there is none at ``index``."""
        for frame in self._recording(bag, topic, state).frames(index, index + 1):
            return frame
        raise InputError(f"{bag} has no image {index} on {topic} any more")

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *exception: Any) -> None:
        for recording in self._recordings.values():
            recording.close()
        for segmenter in filter(None, (self.segmenter, self._teacher)):
            segmenter.close()

    def _recording(self, bag: str, topic: str, state: str) -> BagDrive:
        if (bag, topic) in self._opened:
            return self._opened[bag, topic]
        key = bag, topic, state
        recording = self._recordings.pop(key, None)
        if recording is None:
            labels = Path(self._job.labels) if self._job.labels else None
            truth = open_truth(labels, self._job.label_topic, Path(bag), self.segmenter.label_space)
            recording = BagDrive(Path(bag), topic, truth, None, self._job.significant_bits)
        self._recordings[key] = recording  # the last one used is the last one closed
        if len(self._recordings) > MOST_OPEN:
            self._recordings.pop(next(iter(self._recordings))).close()
        return recording

    def _view_before(self, recording: BagDrive, start: int) -> View | None:
        # Labels are the same every time, so that a part needs nothing of the part before it. At the start of
        # a bag this is for the time alone: a network's first image takes it the longest.
        first = max(start - 1, 0)
        before = [view_of(*self._label(frame)[:2]) for frame in recording.frames(first, first + 1)]
        return before[0] if start and before else None

    def _scored(self, scorer: FrameScorer, frames: Iterator[Frame]) -> Iterator[tuple[FrameResult, bytes]]:
        """Results and PNGs of the labels, in order. One thread reads the next frames and another one scores
        the last ones while this one labels."""
        def score(frame: Frame, labelled: Segmentation | None, teacher: np.ndarray | None) -> Any:
            png = pack_labels(labelled) if labelled and self._job.keep_labels else b""
            return scorer.score(frame, labelled, teacher), png

        waiting: deque[Future[tuple[FrameResult, bytes]]] = deque()
        with ThreadPoolExecutor(1, thread_name_prefix="scoring") as thread:
            for frame in read_ahead(frames, AHEAD):
                waiting.append(thread.submit(score, *self._label(frame)))
                if len(waiting) > AHEAD:
                    yield waiting.popleft().result()
            yield from (future.result() for future in waiting)

    def _label(self, frame: Frame) -> tuple[Frame, Segmentation | None, np.ndarray | None]:
        """The frame, what the network made of it, and the teacher's labels; where a network fails, the frame
        has that problem."""
        if frame.image is None:
            return frame, None, None
        try:
            with_confidence = frame.truth is not None or self._job.keep_labels
            labelled = self.segmenter.segment(frame.image, "rgb", with_confidence)
            teacher = self._teacher.segment(frame.image, "rgb").labels if self._teacher else None
        except InferenceError as error:
            return replace(frame, problem=str(error)), None, None
        return frame, labelled, teacher

    def _open_model(self, model: str, sha256: str | None, settings: str | None) -> Segmenter:
        segmenter = Segmenter.open(model, self._job.backend, self._job.precision)
        if segmenter.card.onnx_sha256 != sha256:
            raise InputError(f"{model} is another network than the one this evaluation was begun with")
        if settings_of(segmenter) != settings:
            raise InputError(f"{model} has another model.json than the one this evaluation was begun with")
        backend = segmenter.backend
        _refuse_another(backend.name, backend.version, self._job.backend_version)
        return segmenter


def _refuse_another(library: str, version: str, expected: str) -> None:
    if version != expected:
        raise InputError(f"a worker has {library} {version}, the evaluation {expected}; install that there")
