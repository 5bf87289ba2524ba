"""Write an evaluation as a recording of Rerun: images, labels with names, confidence, latency and drops."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from bisenet_core.drives.bag_writer import LabelledFrame
from bisenet_core.errors import InputError, explain_os_errors
from bisenet_core.evaluation.replay.evaluated_bag import EvaluatedBag
from bisenet_core.evaluation.replay.labelled_bags import labelled_frames
from bisenet_core.evaluation.replay.worker import Progress
from bisenet_core.files import replacing
from bisenet_core.labels.label_space import UNLABELED, LabelSpace

_ADVICE = "make room or choose another --rerun, and add --resume to go on"
_JPEG_QUALITY = 90


def check_rerun_file(path: Path) -> None:
    """Raise InputError for a name that is none of a Rerun recording, or where rerun-sdk is not installed."""
    if path.suffix != ".rrd":
        raise InputError(f"--rerun {path} would be no recording of Rerun; expected a name that ends in .rrd")
    if find_spec("rerun") is None:
        raise InputError("--rerun needs rerun-sdk: pip install 'bisenet_ros[rerun]'")


def write_rerun(path: Path, bags: list[EvaluatedBag], space: LabelSpace, progress: Progress) -> None:
    """Write every frame of the bags, each bag below its name, at the time when it was recorded.

    A file that is there is replaced when the new one is whole. Raises InputError where that is not possible.
    """
    rr = import_module("rerun")
    recording = rr.RecordingStream("bisenet_replay")
    with explain_os_errors(f"cannot write {path}", _ADVICE), replacing(path) as unfinished:
        with _explaining(path):
            recording.save(unfinished)
        classes = [rr.AnnotationInfo(place, name, space.palette[place])
                   for place, name in enumerate(space.classes)]
        classes.append(rr.AnnotationInfo(UNLABELED, "unlabeled", (0, 0, 0, 0)))
        recording.log("/", rr.AnnotationContext(classes), static=True)
        for bag in bags:
            for labelled in labelled_frames(bag):
                _log(rr, recording, bag.name, labelled)
                progress(1)
        with _explaining(path):
            recording.flush()  # of a disk that is full by now it says nothing earlier
        recording.disconnect()


@contextmanager
def _explaining(path: Path) -> Iterator[None]:
    """Say in an InputError what rerun-sdk could not write."""
    try:
        yield
    except RuntimeError as error:
        raise InputError(f"cannot write {path}: {error}; {_ADVICE}") from None


def _log(rr: Any, recording: Any, bag: str, labelled: LabelledFrame) -> None:
    recording.set_time("recorded", timestamp=np.datetime64(labelled.frame.recorded_ns, "ns"))
    if labelled.frame.image is not None:
        recording.log([bag, "camera"], rr.Image(labelled.frame.image).compress(_JPEG_QUALITY))
    if labelled.labels is not None:
        recording.log([bag, "camera", "labels"], rr.SegmentationImage(labelled.labels, opacity=0.5))
    for name, value in labelled.numbers.items():
        recording.log([bag, name], rr.Scalars(value))
