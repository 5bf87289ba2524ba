"""`bisenet evaluate`: scores of a deployed model or a checkpoint on a data set's split."""

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from bisenet_core.commands.extras import is_checkpoint, open_network, training_code
from bisenet_core.commands.options import (
    Dataset,
    Flip,
    JsonFile,
    Kind,
    Precision,
    Root,
    Scales,
    Size,
    Stride,
    Window,
    parse_protocol,
)
from bisenet_core.errors import InputError, explain_os_errors
from bisenet_core.evaluation.corruptions import corrupt
from bisenet_core.evaluation.protocols import (
    DatasetScores,
    Protocol,
    SizedNetwork,
    evaluate_dataset,
    make_protocol,
)
from bisenet_core.evaluation.protocols.cityscapes_submission import submitted_images, write_submission
from bisenet_core.evaluation.protocols.dataset_scores import EveryNth, LabelledImages
from bisenet_core.evaluation.robustness import CLEAN, evaluate_corrupted, robustness
from bisenet_core.evaluation.trained_images import seen_note, seen_splits, trained_on
from bisenet_core.reports.console import show_table, track, write_json
from bisenet_core.reports.dataset_charts import (
    check_chart_folder,
    check_picture_file,
    draw_confusion,
    draw_robustness,
    draw_samples,
)
from bisenet_core.reports.parts.formats import points
from bisenet_core.runtime.model_card import ModelCard

Model = Annotated[
    str,
    typer.Option("--model", "-m", help="A model folder, a name under weights/, or a checkpoint (*.ckpt)."),
]
Backend = Annotated[
    str,
    typer.Option(
        help="auto, tensorrt, openvino or onnxruntime; torch, a checkpoint's auto, runs it as it is."
    ),
]
Record = Annotated[bool, typer.Option("--record", help="Also write the scores into the model's model.json.")]
Split = Annotated[str, typer.Option(help="train, val or test.")]
Confusion = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Also draw the confusion matrix, as .png or .svg.")
]
Corruptions = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        help="Also score images with noise, blur, fog, rain, low light, glare and JPEG; draw a chart there.",
    ),
]
Every = Annotated[int, typer.Option(min=1, metavar="N", help="Only every N-th image.")]
Submission = Annotated[
    Path | None,
    typer.Option(
        metavar="OUT.zip", help="Instead of scores: labels for the Cityscapes server (--split test or val)."
    ),
]

_percent = partial(points, digits=2)
_HEADINGS = ("class", "IoU, %", "recall, %", "precision, %", "pixels, %")
_CORRUPTION_HEADINGS = (
    "mean IoU, %, at strength", "1", "2", "3", "4", "5", "mean", "relative", "mean ECE", "worst ECE")


def evaluate(
    model: Model, root: Root, dataset: Dataset = "camvid", split: Split = "test", protocol: Kind = "single",
    size: Size = None, scales: Scales = None, flip: Flip = None, window: Window = None, stride: Stride = None,
    backend: Backend = "auto", precision: Precision = "auto", confusion: Confusion = None,
    corruptions: Corruptions = None, every: Every = 1, record: Record = False, submission: Submission = None,
    json: JsonFile = None
) -> None:
    """Score a model at the images' own size: IoU by class, mean IoU, pixel accuracy, confusions."""
    chosen = parse_protocol(protocol, size, scales, flip, window, stride)
    if submission:
        _check_submission(submission, dataset, bool(confusion or corruptions or record or every > 1))
        write_json(json, _submit(submission, (model, backend, precision), chosen, root, split))
        return
    _check_outputs(model, root, confusion, corruptions, record, every, chosen)
    whole = training_code("bisenet_core.learning.datasets").open_dataset(dataset, root, split)
    images = EveryNth(whole, every)
    with open_network(model, backend, precision) as network:
        found, borne = _score(network, images, chosen, bool(corruptions), f"evaluating {dataset} {split}")
        used, card = _used(network), network.card
    common = {"dataset": dataset, "split": split, "model": str(model), **used, "protocol": chosen.as_json()}
    seen = seen_splits(card, data_name(dataset, images), split)
    trained = {"trained_on": trained_on(card), "seen_in_training": seen_note(card, seen)}
    result = {**common, **trained, **found.as_json(), "every": every, **borne}
    _show(result)
    if corruptions:
        _report_corruptions(corruptions, images[0][0], result)
    if confusion:
        draw_confusion(confusion, found.matrix.counts, found.label_space.classes, _title(result))
    if record:
        classes = data_name(dataset, images)
        _record(card, result, dataset if classes == dataset else f"{dataset}_{classes}")
    write_json(json, result)


def _score(
    network: SizedNetwork, images: LabelledImages, protocol: Protocol, corrupted: bool, doing: str
) -> tuple[DatasetScores, dict[str, Any]]:
    """The scores, and ``robustness`` for the JSON where corrupted images are to be labelled too."""
    progress = partial(track, description=doing)
    if not corrupted:
        return evaluate_dataset(network, images, protocol, progress), {}
    scores = evaluate_corrupted(network, images, protocol.size, progress)
    return scores[CLEAN], {"robustness": robustness(scores)}


def _check_submission(archive: Path, dataset: str, scored: bool) -> None:
    if dataset != "cityscapes":
        raise InputError(f"--submission is for --dataset cityscapes, not {dataset}")
    if scored:
        raise InputError("--submission has no scores for --confusion, --corruptions, --record or --every")
    if archive.suffix != ".zip":
        raise InputError(f"--submission {archive}: expected a name that ends with .zip")


def _submit(
    archive: Path, model: tuple[str, str, str], protocol: Protocol, root: Path, split: str
) -> dict[str, Any]:
    """Write the submission; what JSON says of it."""
    images = submitted_images(root, split)
    progress = partial(track, description=f"labelling cityscapes {split}")
    with open_network(*model) as network:
        write_submission(archive, network, protocol, images, progress)
        used = _used(network)
    show_table(f"cityscapes {split}: {model[0]}", [("images", str(len(images))), ("written", str(archive))])
    return {"dataset": "cityscapes", "split": split, "model": model[0], **used,
            "protocol": protocol.as_json(), "images": len(images), "submission": str(archive)}


def data_name(dataset: str, images: Any) -> str:
    """What a data set is called in a card: one's own as its classes."""
    own = training_code("bisenet_core.learning.datasets.opening").OWN_DATA
    return images.label_space.name if dataset in own else dataset


def _check_outputs(model: str, root: Path, confusion: Path | None, corruptions: Path | None, record: bool,
                   every: int, protocol: Protocol) -> None:
    if confusion:
        check_picture_file(confusion)
        if root.resolve() in confusion.resolve().parents:
            raise InputError(f"--confusion {confusion} would write into {root}, an input; choose another")
    if record and is_checkpoint(model):
        raise InputError(f"--record writes into a model folder, and {model} is a checkpoint; export it first")
    if record and every > 1:
        raise InputError(f"--record keeps the scores of a whole split; leave out --every {every}")
    if corruptions and protocol.kind != "single":
        raise InputError(
            f"--corruptions labels images as a robot does: leave out --protocol {protocol.kind}")
    if corruptions:
        check_chart_folder(corruptions)


def _used(network: SizedNetwork) -> dict[str, str]:
    backend = network.at(network.own_size)
    return {"backend": backend.name, "precision": backend.precision}


def _record(card: ModelCard, result: dict[str, Any], data: str) -> None:
    """Under a name that ends with the protocol and its settings, where these are not the defaults."""
    name, protocol = "{}_{split}_{precision}".format(data, **result), result["protocol"]
    name += "" if protocol["kind"] == "single" else "_" + protocol["kind"]
    usual = make_protocol(protocol["kind"]).as_json()
    for key in (key for key, value in protocol.items() if value != usual[key]):
        text = "x".join(map(str, protocol[key])) if isinstance(protocol[key], tuple) else protocol[key]
        name += f"_{text}" if key == "size" else f"_{key}_{text}"
    scores = {key: result[key] for key in ("miou", "pixel_accuracy", "iou", "images", "backend")}
    if result["seen_in_training"]:
        scores["seen_in_training"] = result["seen_in_training"]
    with explain_os_errors(f"cannot record the scores in {card.folder}", "leave out --record"):
        card.amend(metrics={name: scores})


def _show(result: dict[str, Any]) -> None:
    scored = sum(values["pixels"] for values in result["classes"].values())
    rows = []
    for name, values in result["classes"].items():
        figures = result["iou"][name], values["recall"], values["precision"], values["pixels"] / scored
        rows.append((name if values["pixels"] else f"{name} (absent)", *map(_percent, figures)))
    rows += [("mean IoU", _percent(result["miou"]), "", "", ""),
             ("pixel accuracy", _percent(result["pixel_accuracy"]), "", "", "")]
    names = ", ".join(result["absent_classes"])
    absent = f"No pixel of the ground truth is {names}: not in the mean." if names else ""
    show_table(_title(result), rows, _HEADINGS, absent)


def _report_corruptions(folder: Path, image: np.ndarray, result: dict[str, Any]) -> None:
    borne, title = result["robustness"], _title(result)
    draw_robustness(folder, borne, title)
    draw_samples(folder, image, lambda kind, strength: corrupt(image, kind, strength, 0), borne)
    clean = _percent(borne["clean"]["miou"]), "100.00", _percent(borne["clean"]["ece"]), ""
    rows = [("none", *[""] * 5, *clean)]
    for kind, scores in borne["corrupted"].items():
        found, errors = ([score[key] for score in scores] for key in ("miou", "ece"))
        relative = borne["relative_miou_by_kind"][kind]
        figures = (*found, np.mean(found), relative, np.mean(errors), max(errors))
        rows.append((kind, *map(_percent, figures)))
    show_table(f"{title}; relative mean IoU {_percent(borne['relative_miou'])}%", rows, _CORRUPTION_HEADINGS)


def _title(result: dict[str, Any]) -> str:
    text = "{dataset} {split}, {images} images: {model}, {backend} {precision}".format(**result)
    kind = result["protocol"]["kind"]
    text = text if kind == "single" else f"{text}, {kind}"
    return f"{text}; {result['seen_in_training']}" if result["seen_in_training"] else text
