"""`bisenet evaluate`: scores of a deployed model on a data set's split."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from bisenet_core.commands.options import Backend, JsonFile, Model, Precision
from bisenet_core.errors import InputError
from bisenet_core.evaluation.console import show, table, track, write_json
from bisenet_core.evaluation.folder_source import ImageFolderSource
from bisenet_core.evaluation.scoring import Scores
from bisenet_core.label_space import DATASETS, LabelSpace, label_space_of
from bisenet_core.runtime.model_card import ModelCard
from bisenet_core.runtime.segmenter import Segmenter

Dataset = Annotated[str, typer.Option(help="Data set: " + ", ".join(DATASETS) + ".")]
Root = Annotated[Path, typer.Option(help="The data set's folder: ROOT/SPLIT/images and ROOT/SPLIT/labels.")]
Record = Annotated[bool, typer.Option("--record", help="Also write the scores into the model's model.json.")]
Split = Annotated[str, typer.Option(help="train, val or test.")]


def evaluate(
    model: Model,
    root: Root,
    dataset: Dataset = "camvid",
    split: Split = "test",
    backend: Backend = "auto",
    precision: Precision = "auto",
    record: Record = False,
    json: JsonFile = None,
) -> None:
    """Score a deployed model at the images' own size: IoU by class, mean IoU, pixel accuracy."""
    truth = label_space_of(dataset)
    source = _open_split(root, split)
    with Segmenter.open(model, backend=backend, precision=precision) as segmenter:
        _refuse_other_classes(segmenter.label_space, truth, dataset)
        scores = Scores(truth)
        for frame in track(source, len(source), f"evaluating {dataset} {split}"):
            labels = segmenter.segment(frame.image, color_order="rgb").labels
            scores.add(labels, frame.labels, str(root / split / "labels" / f"{frame.name}.png"))
        used = {
            "model": str(model),
            "backend": segmenter.backend.name,
            "precision": segmenter.backend.precision,
        }
    if not scores.images:
        raise InputError(f"none of the images of {root / split} has ground truth; expected {split}/labels")
    result = {"dataset": dataset, "split": split, **used, **scores.as_json()}
    _show(result)
    write_json(json, result)
    if record:
        _record(segmenter.card, result)


def _record(card: ModelCard, result: dict[str, Any]) -> None:
    name = "{dataset}_{split}_{precision}".format(**result)
    scores = {key: result[key] for key in ("miou", "pixel_accuracy", "iou", "images", "backend")}
    folder = card.onnx_path.parent
    try:
        replace(card, metrics={**card.metrics, name: scores}).save(folder)
    except OSError as error:
        reason = error.strerror
        raise InputError(f"cannot record the scores in {folder}: {reason}; leave out --record") from None


def _open_split(root: Path, split: str) -> ImageFolderSource:
    images, labels = root / split / "images", root / split / "labels"
    for folder in (images, labels):
        if not folder.is_dir():
            raise InputError(
                f"{folder} is not a folder; expected --root with {split}/images and {split}/labels"
            )
    return ImageFolderSource(images)


def _refuse_other_classes(model: LabelSpace, truth: LabelSpace, dataset: str) -> None:
    if model.classes != truth.classes:
        raise InputError(
            f"the model's classes are {model.name}'s, {dataset}'s are {truth.name}'s; "
            "choose a model trained for this data set"
        )


def _show(result: dict[str, Any]) -> None:
    rows = [(name, _percent(value)) for name, value in result["iou"].items()]
    rows += [("mean IoU", _percent(result["miou"])), ("pixel accuracy", _percent(result["pixel_accuracy"]))]
    title = "{dataset} {split}, {images} images: {model}, {backend} {precision}".format(**result)
    show(table(title, rows, ("class", "IoU, %")))


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.2f}"
