"""Quantise a model folder: model.int8.onnx and its entry in the card, written only if it loses little."""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx

from bisenet_core.deployment.model_folder import scratch_folder
from bisenet_core.deployment.quantiser import costliest_layers, layers_of, quantise, read_float_network
from bisenet_core.deployment.stored_weights import evenly
from bisenet_core.errors import ParityError, explain_os_errors
from bisenet_core.evaluation.backend_agreement import Agreement
from bisenet_core.evaluation.metrics.scoring import Scores
from bisenet_core.runtime.model_card import ModelCard, file_sha256
from bisenet_core.runtime.opening import open_backend
from bisenet_core.runtime.preprocessing import network_input
from bisenet_core.runtime.quantised_file import INT8_NAME, QuantisedFile, cpu_computes_int8
from bisenet_core.runtime.segmenter import Segmenter

#: Images of a larger set that calibrate, spread evenly over it; more of CamVid's change nothing.
CALIBRATION_IMAGES = 60

#: Images on which the cost of each layer is compared; layers that are named.
_RANKED_ON, _NAMED = 4, 5


class Calibration(NamedTuple):
    """Images that INT8 is calibrated with: functions that read one, HxWx3 uint8 RGB; and their name."""

    images: Sequence[Callable[[], np.ndarray]]
    name: str


class Trial(NamedTuple):
    """What INT8 is compared with FP32 on: (image HxWx3 uint8 RGB, labels HxW uint8 or None) in any number."""

    frames: Callable[[], Iterable[tuple[np.ndarray, np.ndarray | None]]]
    name: str


def quantise_model(
    card: ModelCard, calibration: Calibration, trial: Trial, max_loss: float | None = None,
    keep_float: Sequence[str] = ()
) -> ModelCard:
    """Write model.int8.onnx into ``card``'s folder and what it costs into model.json; returns the new card.

    ``max_loss``: see ``QuantisedFile.loss``; by default what "auto" accepts. Where more is lost, the layers
    that cost most are left in float too, 1, 2, 4 and so on, up to half of them. Raises ParityError, and the
    folder stays as it was, where that does not help; InputError for bad images, and for a folder that cannot
    be written.
    """
    model = read_float_network(card.read_onnx())
    inputs = [lambda read=read: network_input(read(), card) for read in calibration.images]
    folder = card.onnx_path.parent
    advice = "copy the model to another folder"
    with explain_os_errors(f"cannot write {folder}", advice), scratch_folder(folder) as scratch:
        made = partial(_make, card, model, inputs, calibration.name, trial, scratch)
        quantised = made(keep_float)
        limit = quantised.acceptable_loss if max_loss is None else max_loss
        if quantised.loss > limit:
            quantised = _search(made, model, inputs, scratch, keep_float, limit)
        publish(card, quantised, scratch)
    return ModelCard.load(folder)


def publish(card: ModelCard, quantised: QuantisedFile, scratch: Path) -> None:
    """Move ``scratch``'s model.int8.onnx into ``card``'s folder, and describe it in model.json."""
    folder = card.onnx_path.parent
    card.amend(int8=None)  # Whenever this is killed, the card names no file but the one that is there.
    os.replace(scratch / INT8_NAME, folder / INT8_NAME)
    card.amend(int8=quantised)


def _search(
    made: Callable[[Sequence[str]], QuantisedFile], model: onnx.ModelProto,
    inputs: Sequence[Callable[[], np.ndarray]], scratch: Path, keep_float: Sequence[str], limit: float
) -> QuantisedFile:
    first = onnx.load(str(scratch / INT8_NAME))
    images = (inputs[index]() for index in evenly(len(inputs), _RANKED_ON))
    ranking = [name for name in costliest_layers(model, first, images) if name not in keep_float]
    count = 1
    while count <= len(layers_of(model)) // 2:
        quantised = made([*keep_float, *ranking[:count]])
        if quantised.loss <= limit:
            return quantised
        count *= 2
    raise ParityError(
        f"INT8 was not written: {quantised}, with {count // 2} layers left in float; at most {limit:g} "
        f"may be lost (--max-loss). The layers that cost most: {', '.join(ranking[:_NAMED])}"
    )


def _make(
    card: ModelCard, model: onnx.ModelProto, inputs: Sequence[Callable[[], np.ndarray]], calibrated_on: str,
    trial: Trial, scratch: Path, keep_float: Sequence[str]
) -> QuantisedFile:
    onnx.save(quantise(model, inputs, keep_float), str(scratch / INT8_NAME))
    calibration = {"images": len(inputs), "of": calibrated_on, "kept_in_float": list(keep_float)}
    unknown = {"differing_pixels": 0.0}
    quantised = QuantisedFile(file_sha256(scratch / INT8_NAME), card.onnx_sha256, calibration, unknown)
    return replace(quantised, cost=_cost(card, replace(card, int8=quantised, folder=scratch), trial))


def _cost(card: ModelCard, quantised: ModelCard, trial: Trial) -> dict[str, Any]:
    """Label every frame of ``trial`` in FP32 and INT8; ``QuantisedFile.cost`` explains the result."""
    total = Agreement()
    scores, exact_scores = Scores(card.label_space), Scores(card.label_space)
    with _segmenter(card, "fp32") as exact, _segmenter(quantised, "int8") as coarse:
        for image, truth in trial.frames():
            labels, found = total.add(exact, coarse, image)
            exact_scores.add(labels, truth, trial.name)
            scores.add(found, truth, trial.name)
        cost = {
            "measured_on": trial.name,
            "backend": coarse.backend.name,
            "images": total.images,
            "differing_pixels": round(total.differing / total.pixels, 6),
            "widest_margin": round(total.widest_tie, 4),
        }
    if not scores.images:
        return cost
    coarse_scores, true = scores.as_json(), exact_scores.as_json()
    return {
        **cost,
        **{key: coarse_scores[key] for key in ("miou", "iou")},
        **{f"{key}_fp32": true[key] for key in ("miou", "iou")},
    }


def _segmenter(card: ModelCard, precision: str) -> Segmenter:
    backend = "openvino" if cpu_computes_int8() else "onnxruntime"
    return Segmenter(card, open_backend(card, backend, precision))
