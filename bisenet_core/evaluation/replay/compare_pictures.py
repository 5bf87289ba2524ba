"""Pictures of the frames in which two evaluations differ most, labelled again by both models."""

import json
from dataclasses import fields
from typing import Any

import numpy as np

from bisenet_core.errors import InputError
from bisenet_core.evaluation.replay.evaluated_drive import EvaluatedDrive
from bisenet_core.evaluation.replay.job import ReplayJob
from bisenet_core.evaluation.replay.output_folder import ABOUT
from bisenet_core.evaluation.replay.worker import Worker
from bisenet_core.reports.parts.panels import Panels, pair_panels


def pictures(result: dict[str, Any], a: EvaluatedDrive, b: EvaluatedDrive) -> list[tuple[Any, Panels]]:
    """The ``most_different`` frames of ``compare``'s result, each with its captions and pictures.

    Raises InputError where nothing differs, and where a model, a bag or the ground truth is no longer found
    as it was.
    """
    if not result["most_different"]:
        raise InputError("no frame with ground truth differs")
    shown = []
    with Worker(_job(a)) as one, Worker(_job(b)) as other:
        for wanted in result["most_different"]:
            image, truth = _image_and_truth(one, a, wanted)
            labels = [worker.segmenter.segment(image, "rgb").labels for worker in (one, other)]
            named = [("Truth", truth), *zip("AB", labels)]
            shown.append((wanted, pair_panels(image, named, one.segmenter.label_space)))
    return shown


def _job(drive: EvaluatedDrive) -> ReplayJob:
    path = drive.path.with_name(ABOUT)
    try:
        content = json.loads(path.read_text())  # without what older versions did not know
        known = {one.name: content[one.name] for one in fields(ReplayJob) if one.name in content}
        return ReplayJob(**{**known, "teacher": None})
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(f"{path}, which names the model's folder, cannot be read: {error}") from None


def _image_and_truth(
    worker: Worker, drive: EvaluatedDrive, wanted: dict[str, Any]
) -> tuple[np.ndarray, np.ndarray]:
    bag = drive.results["bags"][drive.bags.index(wanted["bag"])]
    frame = worker.frame(bag["path"], bag["topic"], wanted["index"])
    if frame.stamp_ns != wanted["stamp_ns"] or frame.image is None or frame.truth is None:
        raise InputError(f"{bag['path']} or its ground truth has changed, at frame {wanted['index']}")
    return frame.image, frame.truth
