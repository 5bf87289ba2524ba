"""`bisenet quantize`: a model folder gets its network in INT8 too, and the cost of it is measured."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from bisenet_core.benchmarks.timing import bare_network, timed_in_turn
from bisenet_core.commands.extras import training_code
from bisenet_core.commands.options import Dataset, JsonFile, Model
from bisenet_core.drives.image_files import image_files_in, read_image
from bisenet_core.errors import InputError
from bisenet_core.evaluation.protocols.dataset_scores import refuse_other_classes
from bisenet_core.reports.console import show_table, track, write_json
from bisenet_core.reports.parts.formats import UNKNOWN
from bisenet_core.runtime.model_card import ModelCard, resolve_model
from bisenet_core.runtime.opening import open_backend

Images = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        help="Photographs such as the robot sees, which calibrate.",
        show_default="those of the data set's split train",
    ),
]
Root = Annotated[
    Path | None, typer.Option(help="The data set's folder; without one, no mIoU is measured.")
]
Split = Annotated[str, typer.Option(help="The data set's split that FP32 and INT8 are scored on.")]
MaxLoss = Annotated[
    float | None,
    typer.Option(
        min=0.0,
        help="Points of mIoU that may be lost; without a data set, per cent of pixels that may change.",
        show_default="0.5; 1",
    ),
]
KeepFloat = Annotated[
    list[str], typer.Option(metavar="LAYER", help="A layer to be left in float; may be repeated.")
]

#: Images of a folder without ground truth that are compared, those that calibrate left out.
COMPARED = 100


def quantize(
    model: Model, images: Images = None, dataset: Dataset = "camvid", root: Root = None,
    split: Split = "test", max_loss: MaxLoss = None,
    keep_float: KeepFloat = [],  # noqa: B006 - typer's way; it is not changed
    json: JsonFile = None
) -> None:
    """Write model.int8.onnx, calibrated on images, and what it costs; refused where it loses too much."""
    card = ModelCard.load(resolve_model(model))
    code = training_code("bisenet_core.deployment.quantisation")
    training_code("nncf")
    truth = None
    if root:
        truth = training_code("bisenet_core.learning.datasets").open_dataset(dataset, root, split)
        refuse_other_classes(card.label_space, truth.label_space)
    calibration, rest = _calibration(code, images, dataset, root)
    trial = code.Trial(partial(_frames, truth, rest), f"{dataset} {split}" if root else calibration.name)
    card = code.quantise_model(card, calibration, trial, max_loss, keep_float)
    assert card.int8 is not None
    result = {
        "model": str(model),
        "sha256": card.int8.sha256,
        "calibration": card.int8.calibration,
        **_renamed(card.int8.cost),
        **_times(card, card.int8.cost["backend"]),
    }
    _show(result)
    write_json(json, result)


def _calibration(code: Any, images: Path | None, dataset: str, root: Path | None) -> tuple[Any, list[Any]]:
    """The images that calibrate, and the others that they were chosen from; each a function that reads it."""
    if images is not None:
        readers: list[Any] = [partial(read_image, path) for path in image_files_in(images)]
        name = "/".join(images.resolve().parts[-2:])
    elif root is not None:
        found = training_code("bisenet_core.learning.datasets").open_dataset(dataset, root, "train")
        readers, name = [partial(found.image, index) for index in range(len(found))], f"{dataset} train"
    else:
        raise InputError("INT8 is calibrated with images; give --images FOLDER, or a data set with --root")
    chosen = code.evenly(len(readers), code.CALIBRATION_IMAGES)
    rest = [reader for index, reader in enumerate(readers) if index not in chosen] or readers
    compared = [rest[index] for index in code.evenly(len(rest), COMPARED)]
    return code.Calibration([readers[index] for index in chosen], name), compared


def _frames(truth: Any, rest: list[Any]) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
    count = len(rest if truth is None else truth)
    for index in track(range(count), count, "comparing with fp32"):
        yield (rest[index](), None) if truth is None else truth[index]


def _renamed(cost: dict[str, Any]) -> dict[str, Any]:
    """The card's figures, in which INT8 comes first, as the command's, in which FP32 does."""
    names = {"miou": "miou_int8", "iou": "iou_int8", "miou_fp32": "miou", "iou_fp32": "iou"}
    return {"miou": None, "miou_int8": None, **{names.get(key, key): value for key, value in cost.items()}}


def _times(card: ModelCard, backend: str) -> dict[str, Any]:
    """Least milliseconds of the network in FP32 and in INT8, run in turn, and the processor."""
    opened = {precision: open_backend(card, backend, precision) for precision in ("fp32", "int8")}
    networks = {precision: bare_network(card, one) for precision, one in opened.items()}
    exact, coarse = (round(min(values), 2) for values in timed_in_turn(networks).values())
    return {"network_ms": exact, "network_ms_int8": coarse, "device": opened["int8"].device}


def _show(result: dict[str, Any]) -> None:
    rows = []
    if result["miou"] is not None:
        pairs = [(name, value, result["iou_int8"][name]) for name, value in result["iou"].items()]
        rows = [_row(*pair) for pair in [*pairs, ("mean IoU", result["miou"], result["miou_int8"])]]
    times = result["network_ms"], result["network_ms_int8"]
    rows.append(("network, ms", *map(str, times), f"{times[0] / times[1]:.2f} times as fast"))
    show_table("{model}, {measured_on}, {images} images, {backend}".format(**result), rows,
               ("IoU, %", "fp32", "int8", "change"))
    calibration = result["calibration"]
    show_table("model.int8.onnx", [
        ("pixels that differ", f"{result['differing_pixels']:.2%}, margins up to {result['widest_margin']}"),
        ("calibrated on", f"{calibration['images']} images of {calibration['of']}"),
        ("left in float", ", ".join(calibration["kept_in_float"]) or "no layer"),
        ("timed on", result["device"]),
    ])


def _row(name: str, exact: float | None, found: float | None) -> tuple[str, ...]:
    if exact is None or found is None:
        return name, UNKNOWN, UNKNOWN, UNKNOWN
    return name, f"{100 * exact:.2f}", f"{100 * found:.2f}", f"{100 * (found - exact):+.2f}"
