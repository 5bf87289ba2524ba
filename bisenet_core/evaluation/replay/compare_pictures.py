"""Pictures of the frames in which two evaluations differ most, labelled again by both models."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import fields
from pathlib import Path
from typing import Any

from bisenet_core.drives.bag_drive import BagDrive
from bisenet_core.drives.drive import Frame
from bisenet_core.drives.opening import open_truth
from bisenet_core.errors import InputError
from bisenet_core.evaluation.replay.evaluated_drive import EvaluatedDrive
from bisenet_core.evaluation.replay.job import ReplayJob
from bisenet_core.evaluation.replay.output_folder import ABOUT
from bisenet_core.evaluation.replay.worker import Worker
from bisenet_core.labels.label_space import LabelSpace
from bisenet_core.reports.parts.panels import pair_panels
from bisenet_core.reports.replay.classes import class_rows
from bisenet_core.reports.replay.compare_page import write_compare_page
from bisenet_core.runtime.segmenter import Segmenter


def write_pictures(output: Path, result: dict[str, Any], a: EvaluatedDrive, b: EvaluatedDrive) -> Path:
    """Write ``output``/compare.html for ``compare``'s result; returns its path.

    Raises InputError where nothing differs, and where a model, a bag or the ground truth is no longer found
    as it was.
    """
    if not result["most_different"]:
        raise InputError("no frame with ground truth differs")
    job, other = _job(a), _job(b)
    with ExitStack() as stack:
        models = [stack.enter_context(Worker(each).segmenter) for each in (job, other)]
        space = models[0].label_space
        shown = [(frame, _panels(models, seen, space))
                 for frame, seen in _frames(result["most_different"], a, job, space)]
    return write_compare_page(output, result, shown, class_rows(a.results))


def _job(drive: EvaluatedDrive) -> ReplayJob:
    path = drive.path.with_name(ABOUT)
    try:
        content = json.loads(path.read_text())
        known = {one.name: content[one.name] for one in fields(ReplayJob)}
        return ReplayJob(**{**known, "teacher": None})
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(f"{path}, which names the model's folder, cannot be read: {error}") from None


def _panels(models: list[Segmenter], frame: Frame, space: LabelSpace) -> list[tuple[str, str]]:
    assert frame.image is not None and frame.truth is not None
    labels = [model.segment(frame.image, "rgb").labels for model in models]
    return pair_panels(frame.image, frame.truth, labels, space)


def _frames(
    wanted: list[dict[str, Any]], drive: EvaluatedDrive, job: ReplayJob, space: LabelSpace
) -> Iterator[tuple[dict[str, Any], Frame]]:
    # bag by bag, so that each is opened once; then in the order of ``wanted``
    found: dict[int, Frame] = {}
    for place, bag in enumerate(drive.results["bags"]):
        of_bag = [at for at, frame in enumerate(wanted) if frame["bag"] == drive.bags[place]]
        if of_bag:
            path, labels = Path(bag["path"]), Path(job.labels) if job.labels else None
            truth = open_truth(labels, job.label_topic, path, space)
            with BagDrive(path, bag["topic"], truth) as recording:
                found.update((at, _frame(recording, wanted[at])) for at in of_bag)
    return ((frame, found[at]) for at, frame in enumerate(wanted))


def _frame(recording: BagDrive, wanted: dict[str, Any]) -> Frame:
    for frame in recording.frames(wanted["index"], wanted["index"] + 1):
        if frame.stamp_ns == wanted["stamp_ns"] and frame.image is not None and frame.truth is not None:
            return frame
    raise InputError(f"{recording.path} or its ground truth has changed, at frame {wanted['index']}")
