"""The validation images on which a run's network did best and worst."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bisenet_core.learning.checkpoint import load_network, saved_classes
from bisenet_core.learning.datasets import open_dataset
from bisenet_core.learning.run_report.finished_run import FinishedRun
from bisenet_core.learning.segmentation_task import SegmentationTask, labelled
from bisenet_core.learning.transforms import normalised
from bisenet_core.reports.parts.frame_choice import best_and_worst
from bisenet_core.reports.parts.panels import Seen, frame_panels

EACH = 4


#: ``name``, ``miou`` and ``panels`` (captions and pictures as data URIs) of validation images.
Pictures = dict[str, list[dict[str, Any]]]
NO_PICTURES: Pictures = {"best": [], "worst": []}


def take_pictures(run: FinishedRun, root: Path, task: SegmentationTask) -> Pictures:
    """``best`` and ``worst`` images by the scores in ``run``, each the most telling first, as labelled now.

    ``root`` is the data set's folder. ``InputError`` where an image is not what it was.
    """
    if run.scores is None:
        return NO_PICTURES
    dataset = open_dataset(run.recipe.dataset, root, run.recipe.val_split)
    index = np.array(sorted(run.scores.images), np.int64)
    values = np.array([run.scores.images[place] for place in index])
    chosen = best_and_worst(np.zeros_like(index), index, np.argsort(values, kind="stable"), EACH)

    def picture(place: int) -> dict[str, Any]:
        image, truth = dataset[int(index[place])]
        panels = frame_panels(Seen(image, truth, _labels(task, image)), task.label_space)
        return {"name": dataset.name(int(index[place])), "miou": float(values[place]), "panels": panels}

    return {group: [picture(place) for place in places] for group, places in zip(NO_PICTURES, chosen)}


def load_task(run: FinishedRun) -> SegmentationTask:
    """The network of the run's checkpoint, ready to label images on the CPU."""
    settings = run.checkpoint["hyper_parameters"]
    # its weights are in the checkpoint; where they once came from may be gone
    task = SegmentationTask(replace(run.recipe, backbone=""), saved_classes(settings, run.recipe))
    load_network(task.network, run.checkpoint["state_dict"])
    task.network.float().eval()
    return task


@torch.no_grad()
def _labels(task: SegmentationTask, image: np.ndarray) -> np.ndarray:
    """HxWx3 uint8 RGB -> HxW uint8 ids, as in validation."""
    tensor = torch.from_numpy(normalised(image, task.recipe.mean, task.recipe.std))[None]
    return labelled(task.network, tensor, task.recipe, image[None, ..., 0])[0].byte().numpy()
