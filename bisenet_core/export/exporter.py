"""A training checkpoint in, a model folder out."""

import hashlib
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from bisenet_core.errors import InputError
from bisenet_core.export.deployable import deployable
from bisenet_core.export.onnx_file import write_onnx
from bisenet_core.export.parity import Parity, check_parity, measure_parity
from bisenet_core.label_space import label_space_of
from bisenet_core.learning.checkpoint import read_checkpoint
from bisenet_core.learning.recipe import Recipe
from bisenet_core.learning.transforms import normalised
from bisenet_core.models import create_model
from bisenet_core.rendering import RenderedDrive
from bisenet_core.runtime.model_card import ONNX_NAME, ModelCard

#: What the network and every backend take.
MIN_SIDE = 32

LICENCES = {"camvid": "non-commercial research use (CamVid data, CC BY-NC 4.0 distribution)"}


def export_model(
    checkpoint: Path | str, output: Path | str, size: tuple[int, int] | None = None
) -> tuple[ModelCard, Parity]:
    """Export a checkpoint of ``bisenet train`` to the model folder ``output``.

    ``size`` is the (width, height) the robot runs it at; the recipe's by default. The ONNX file is compared
    with the network on rendered street frames: ``ParityError``, and nothing is written, if they differ.
    ``InputError`` for a checkpoint that is missing, not one of ours, or has other tensors than its network,
    for a ``size`` that is too small, and for an ``output`` that cannot be written.
    """
    recipe, state, progress = read_checkpoint(checkpoint)
    trained = _network(recipe, state, checkpoint).eval()
    deployed = deployable(trained)
    width, height = size or recipe.input_size
    if min(width, height) < MIN_SIDE:
        raise InputError(f"input size {width}x{height}: each side must be at least {MIN_SIDE} pixels")
    with tempfile.TemporaryDirectory() as scratch:
        onnx_path = Path(scratch) / "model.onnx"
        write_onnx(deployed, width, height, onnx_path)
        parity = measure_parity(trained, deployed, onnx_path, _street_frames(recipe, width, height))
        check_parity(parity)
        card = _card(recipe, (width, height), onnx_path, progress)
        _write(card, onnx_path, Path(output))
    return card, parity


def _write(card: ModelCard, onnx_path: Path, output: Path) -> None:
    unfinished = output / (ONNX_NAME + ".part")
    try:
        output.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(onnx_path, unfinished)  # a full disk must not cost the model that is there
        unfinished.replace(output / ONNX_NAME)
        card.save(output)
    except OSError as error:
        raise InputError(
            f"cannot write {output}: {error.strerror}; choose another --output or make room"
        ) from None


def _network(recipe: Recipe, state: dict[str, torch.Tensor], origin: Path | str) -> nn.Module:
    classes = label_space_of(recipe.dataset).num_classes
    network = create_model(recipe.network, classes, **{**recipe.options, "auxiliary": False})
    weights = {
        key.removeprefix("network."): value
        for key, value in state.items()
        if key.startswith("network.") and not key.startswith("network.auxiliary.")
    }
    wanted = {key: value.shape for key, value in network.state_dict().items()}
    wrong = sorted(
        key for key in {*wanted, *weights} if key not in weights or wanted.get(key) != weights[key].shape
    )
    if wrong:
        raise InputError(
            f"{origin} does not fit {recipe.network}: {len(wrong)} tensors are missing, extra or misshapen, "
            f"first {', '.join(wrong[:3])}"
        )
    network.load_state_dict(weights)
    return network


def _street_frames(recipe: Recipe, width: int, height: int, count: int = 3) -> np.ndarray:
    drive = RenderedDrive(width=width, height=height, frames=count)
    return np.stack([normalised(drive[index][0], recipe.mean, recipe.std) for index in range(count)])


def _card(recipe: Recipe, size: tuple[int, int], onnx_path: Path, progress: dict[str, Any]) -> ModelCard:
    return ModelCard(
        name=recipe.name,
        architecture=recipe.network,
        architecture_options=dict(recipe.options),
        label_space=label_space_of(recipe.dataset),
        mean=recipe.mean,
        std=recipe.std,
        color_order="rgb",
        input_width=size[0],
        input_height=size[1],
        onnx_sha256=hashlib.sha256(onnx_path.read_bytes()).hexdigest(),
        training_data=recipe.dataset,
        recipe=recipe.to_dict(),
        metrics=progress,
        licence=LICENCES.get(recipe.dataset, "see the data set"),
    )
