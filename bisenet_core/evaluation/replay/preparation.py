"""Check a request before its first frame is read: open its models and its bags."""

import math
import os
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bisenet_core.drives.bag_drive import BagDrive
from bisenet_core.drives.bags.bag_files import find_bag_files
from bisenet_core.drives.opening import open_truth
from bisenet_core.drives.truth.folder_truth import named_by_stamp
from bisenet_core.errors import EvaluationError, InputError
from bisenet_core.evaluation.metrics.bands import distance_bands
from bisenet_core.evaluation.replay.job import ReplayJob, settings_of
from bisenet_core.evaluation.replay.worker import MOST_OPEN
from bisenet_core.evaluation.trained_images import seen_by_name, seen_note, trained_on
from bisenet_core.images.encodings import SAMPLE_BITS
from bisenet_core.labels.label_space import LabelSpace
from bisenet_core.reports.measurement import versions
from bisenet_core.runtime.segmenter import Segmenter

#: Files that are opened to read one more file of a bag.
_SPARE_FILES = 4


@dataclass(frozen=True)
class Request:
    """What the user asks for."""

    bags: tuple[Path, ...]
    model: str
    output: Path
    labels: Path | None = None
    label_topic: str | None = None
    topic: str | None = None
    significant_bits: int = SAMPLE_BITS
    camera_height: float | None = None
    camera_pitch: float | None = None
    objects: Sequence[str] | None = None
    teacher: str | None = None
    backend: str = "auto"
    precision: str = "auto"
    jobs: int = 1
    ray: str | None = None
    resume: bool = False
    labelled_bag: bool = False
    rerun: Path | None = None
    report: bool = True
    require: Path | None = None
    tags: Path | None = None
    write_reference: Path | None = None
    against: Path | None = None
    mine: int | None = None
    command: tuple[str, ...] = ()

    @property
    def keeps_labels(self) -> bool:
        """Whether anything is asked for that is made of the labels of every frame."""
        return self.labelled_bag or any((self.rerun, self.write_reference, self.against, self.mine))


@dataclass(frozen=True)
class Models:
    """The models of a request."""

    job: ReplayJob
    space: LabelSpace
    about: dict[str, Any]
    """Entries of results.json."""


def prepare_models(request: Request) -> Models:
    """Open the models once, to know what they are.

    Raises InputError for a model that cannot be run here, for a teacher of other classes, and for scores of
    bands that cannot be had.
    """
    _check_bands(request)
    with Segmenter.open(request.model, request.backend, request.precision) as segmenter:
        backend, space = segmenter.backend, segmenter.label_space
        objects = {space.id_of(name) for name in request.objects or ()}
        job = ReplayJob(
            **_identity("model", segmenter),
            backend=backend.name,
            precision=backend.precision,
            backend_version=backend.version,
            **_teacher(request, segmenter),
            labels=str(request.labels.resolve()) if request.labels else None,
            label_topic=request.label_topic,
            significant_bits=request.significant_bits,
            camera_height=request.camera_height,
            camera_pitch=request.camera_pitch,
            objects=tuple(space.classes[one] for one in sorted(objects)) or None,
            keep_labels=request.keeps_labels,
        )
        return Models(job, space, _about(request, segmenter))


def _check_bands(request: Request) -> None:
    height, pitch = request.camera_height, request.camera_pitch
    if height is None and pitch is not None:
        raise InputError("--camera-pitch needs --camera-height, metres above the ground")
    if (height is not None or request.objects) and request.labels is None and request.label_topic is None:
        raise InputError("--camera-height and --objects need ground truth: --labels or --label-topic")
    if height is not None and not 0 < height < math.inf:
        raise InputError(f"--camera-height {height:g} is no height; expected metres above 0")
    if pitch is not None and not -90 < pitch < 90:
        raise InputError(f"--camera-pitch {pitch:g}: expected degrees from -90 to 90, down where positive")


def open_recordings(request: Request, space: LabelSpace) -> tuple[list[BagDrive], list[str]]:
    """The bags that can be read, and a line for each of the others; closed again where they are many.

    Raises InputError where none can, EvaluationError where this process may open no more files.
    """
    _check_paths(request)
    _check_labels(request)
    attempts = [_open(request, bag, space) for bag in request.bags]
    opened = [attempt for attempt in attempts if isinstance(attempt, BagDrive)]
    refusals = [attempt for attempt in attempts if isinstance(attempt, InputError)]
    if not opened:
        raise refusals[0]
    return opened, [f"left out: {refusal}" for refusal in refusals]


def _open(request: Request, bag: Path, space: LabelSpace) -> BagDrive | InputError:
    try:
        truth = open_truth(request.labels, request.label_topic, bag, space)
        with ExitStack() as stack:
            drive = BagDrive(bag, request.topic, truth, None, request.significant_bits)
            recording = stack.enter_context(drive)
            distance_bands(recording, request.camera_height, request.camera_pitch)
            _refuse_without_files()
            if len(request.bags) <= MOST_OPEN:  # many bags have more files than a process may have open
                stack.pop_all()
            return recording
    except InputError as error:
        _refuse_without_files()
        return error


def _refuse_without_files() -> None:
    """Raise EvaluationError where this process may open no more files: then the bag is not damaged."""
    try:
        with ExitStack() as stack:
            for _ in range(_SPARE_FILES):
                stack.enter_context(open(os.devnull))
    except OSError as error:
        raise EvaluationError(
            f"no more files can be opened: {error.strerror}; allow more with `ulimit -n`"
        ) from None


def _check_paths(request: Request) -> None:
    seen: set[Path] = set()
    for bag in request.bags:
        if not bag.exists():
            raise InputError(f"{bag} does not exist; expected a rosbag: a folder, .db3, .mcap or .bag")
        files = _files(bag)
        if files & seen:
            raise InputError(f"{bag} is given twice, or as a folder and as its file; name each bag once")
        seen |= files


def _files(bag: Path) -> set[Path]:
    """The files of a bag; the bag itself where they cannot be found, which opening it will report."""
    with suppress(InputError, OSError):
        return {path.resolve() for path in find_bag_files(bag).paths}
    return {bag.resolve()}


def _check_labels(request: Request) -> None:
    """Refuse labels with numbered names for several bags: a number does not say of which bag it is."""
    if request.labels is not None and len(request.bags) > 1 and not named_by_stamp(request.labels):
        raise InputError(f"{request.labels} names its labels by number or order, which fits one bag, not "
                         f"{len(request.bags)}: give each bag its own run, or name the PNGs by stamp")


def _teacher(request: Request, segmenter: Segmenter) -> dict[str, Any]:
    if request.teacher is None:
        return {}
    with Segmenter.open(request.teacher, segmenter.backend.name, segmenter.backend.precision) as teacher:
        if teacher.label_space.classes != segmenter.label_space.classes:
            raise InputError(f"the teacher's classes are {teacher.label_space.name}'s, the model's are "
                             f"{segmenter.label_space.name}'s; choose a teacher of the same classes")
        return _identity("teacher", teacher)


def _identity(role: str, segmenter: Segmenter) -> dict[str, Any]:
    """Fields of a ReplayJob that say which model has the role."""
    card = segmenter.card
    folder = str(card.onnx_path.parent.resolve())
    return {role: folder, f"{role}_sha256": card.onnx_sha256, f"{role}_settings": settings_of(segmenter)}


def _about(request: Request, segmenter: Segmenter) -> dict[str, Any]:
    space, backend, card = segmenter.label_space, segmenter.backend, segmenter.card
    seen = seen_by_name(card, [request.labels] if request.labels else request.bags)
    return {
        "model": request.model,
        "model_sha256": card.onnx_sha256,
        "label_space": space.name,
        "classes": list(space.classes),
        "palette": [list(color) for color in space.palette],
        "backend": backend.name,
        "precision": backend.precision,
        "input_size": "{}x{}".format(*backend.input_size),
        "versions": versions(segmenter),
        "trained_on": trained_on(card),
        "seen_in_training": seen_note(card, seen),
        "command": list(request.command),
        "teacher": request.teacher,
    }
