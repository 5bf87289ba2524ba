"""Pictures of the frames in which two evaluations differ most, labelled again by both models."""

import json
from dataclasses import fields
from typing import Any

from bisenet_core.drives.drive import Frame
from bisenet_core.errors import InputError
from bisenet_core.evaluation.replay.evaluated_drive import EvaluatedDrive
from bisenet_core.evaluation.replay.job import ReplayJob
from bisenet_core.evaluation.replay.output_folder import ABOUT
from bisenet_core.evaluation.replay.worker import Worker
from bisenet_core.reports.parts.panels import Panels, pair_panels
from bisenet_core.runtime.segmenter import Segmenter


def pictures(result: dict[str, Any], a: EvaluatedDrive, b: EvaluatedDrive) -> list[tuple[Any, Panels]]:
    """The ``most_different`` frames of ``compare``'s result, each with its captions and pictures.

    Raises InputError where nothing differs, and where a model, a bag or the ground truth is no longer found
    as it was.
    """
    if not result["most_different"]:
        raise InputError("no frame with ground truth differs")
    with Worker(_job(a)) as one, Worker(_job(b)) as other:
        models = [one.segmenter, other.segmenter]
        return [(wanted, _panels(models, _frame(one, a, wanted))) for wanted in result["most_different"]]


def _job(drive: EvaluatedDrive) -> ReplayJob:
    path = drive.path.with_name(ABOUT)
    try:
        content = json.loads(path.read_text())  # without what older versions did not know
        known = {one.name: content[one.name] for one in fields(ReplayJob) if one.name in content}
        return ReplayJob(**{**known, "teacher": None})
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(f"{path}, which names the model's folder, cannot be read: {error}") from None


def _frame(worker: Worker, drive: EvaluatedDrive, wanted: dict[str, Any]) -> Frame:
    bag = drive.results["bags"][drive.bags.index(wanted["bag"])]
    frame = worker.frame(bag["path"], bag["topic"], wanted["index"])
    if frame.stamp_ns != wanted["stamp_ns"] or frame.image is None or frame.truth is None:
        raise InputError(f"{bag['path']} or its ground truth has changed, at frame {wanted['index']}")
    return frame


def _panels(models: list[Segmenter], frame: Frame) -> Panels:
    assert frame.image is not None and frame.truth is not None
    labels = [model.segment(frame.image, "rgb").labels for model in models]
    named = [("Truth", frame.truth), *zip("AB", labels)]
    return pair_panels(frame.image, named, models[0].label_space)
