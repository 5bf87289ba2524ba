"""The report of a run as one HTML file: no script, nothing fetched from elsewhere."""

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

from bisenet_core.errors import InputError
from bisenet_core.learning.checkpoint import load_network, saved_classes
from bisenet_core.learning.datasets import open_dataset
from bisenet_core.learning.run_report.curves import charts
from bisenet_core.learning.run_report.finished_run import FinishedRun, commit, facts, figures, read_run, state
from bisenet_core.learning.segmentation_task import SegmentationTask, labelled
from bisenet_core.learning.transforms import normalised
from bisenet_core.reports.parts.classes import class_rows, class_table, confusion
from bisenet_core.reports.parts.page import render_page, write_page
from bisenet_core.reports.parts.panels import Seen, best_and_worst, frame_panels

FILE_NAME = "report.html"
_TEMPLATE = "report.html.j2"


def write_run_report(output: Path, root: Path | None = None) -> Path:
    """Write ``output``/report.html from what a run has left there, and return its path.

    Pictures need the data set, whose folder is ``root`` or the one that was trained on; the page says so
    where it is not found. ``InputError`` where ``output`` holds no run, or without jinja2.
    """
    run = read_run(output)
    page = render_page(
        Path(__file__).parent,
        _TEMPLATE,
        recipe=run.recipe,
        data_name=run.data_name,
        recipe_text=yaml.safe_dump(run.recipe.to_dict(), sort_keys=False, default_flow_style=None),
        figures=figures(run),
        facts=facts(run),
        state=state(run),
        scores=run.scores,
        checkpoint=run.checkpoint_name,
        charts=charts(run.rows, run.begins),
        starts=[(start, shlex.join(start.command), commit(start)) for start in run.starts],
        **_validation(run, root),
    )
    return write_page(output / FILE_NAME, page)


def _validation(run: FinishedRun, root: Path | None) -> dict[str, Any]:
    """What was seen in the best validation, by its name in the template."""
    found: dict[str, Any] = {"classes": None, "matrix": None, "pictures": NO_PICTURES, "no_pictures": ""}
    if run.scores is None:
        return found
    task = load_task(run)
    space = task.label_space
    ious = dict(zip(space.classes, run.scores.class_ious()))
    found["classes"] = class_table(class_rows(space.classes, space.palette, {"IoU": ious}), "IoU")
    found["matrix"] = confusion(space.classes, space.palette, run.scores.counts)
    try:
        root = root or Path(run.starts[-1].root if run.starts else "data")
        found["pictures"] = take_pictures(run, root, task)
    except InputError as error:
        found["no_pictures"] = str(error)
    return found


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
