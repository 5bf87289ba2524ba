"""Export a checkpoint of `bisenet train` to a model folder."""

from dataclasses import replace
from pathlib import Path

from torch import nn

from bisenet_core.deployment.data_set_terms import DATA_SET_TERMS
from bisenet_core.deployment.loading import load_network
from bisenet_core.deployment.model_folder import NO_SHA256, write_model_folder
from bisenet_core.deployment.onnx_file import Parity
from bisenet_core.learning.checkpoint import Checkpoint, data_name, read_checkpoint
from bisenet_core.runtime.model_card import ModelCard


def export_model(
    checkpoint: Path | str, output: Path | str, size: tuple[int, int] | None = None,
    images: Path | None = None
) -> tuple[ModelCard, Parity]:
    """Export a checkpoint of ``bisenet train`` to the model folder ``output``.

    ``size`` is the (width, height) the robot runs it at; the recipe's by default. ``InputError`` for a
    checkpoint that is missing, not one of ours, or has other tensors than its network.
    """
    network, card = trained_network(checkpoint)
    if size is not None:
        card = replace(card, input_width=size[0], input_height=size[1])
    return write_model_folder(network, card, output, images)


def trained_network(checkpoint: Path | str) -> tuple[nn.Module, ModelCard]:
    """The network of a checkpoint without auxiliary heads, in evaluation mode; its card, of no file as yet.
    """
    read = read_checkpoint(checkpoint)
    return load_network(read, checkpoint), _card(read)


def _card(checkpoint: Checkpoint) -> ModelCard:
    recipe, space, _, progress = checkpoint[:4]
    assert space is not None  # of a network that labels pixels
    width, height = recipe.input_size
    known = DATA_SET_TERMS.get(recipe.dataset)
    sources = list(filter(None, (recipe.weights, recipe.backbone, recipe.teacher)))
    also = f"; and those of what it began with or learnt from: {', '.join(sources)}" if sources else ""
    return ModelCard(
        name=recipe.name,
        architecture=recipe.network,
        architecture_options=dict(recipe.options),
        label_space=space,
        mean=recipe.mean,
        std=recipe.std,
        color_order="rgb",
        input_width=width,
        input_height=height,
        onnx_sha256=NO_SHA256,
        training_data=data_name(recipe, space),
        recipe=recipe.to_dict(),
        metrics=progress,
        licence=(known.terms if known else "that of the data") + also,
    )
