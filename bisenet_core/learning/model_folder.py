"""Model folders to begin with: their networks, whose batch norms are folded, made fit for training."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from bisenet_core.errors import InputError
from bisenet_core.learning.checkpoint import Checkpoint, network_state, read_checkpoint
from bisenet_core.learning.recipe import Recipe
from bisenet_core.models import create_model
from bisenet_core.models.layers import has_norm
from bisenet_core.runtime.model_card import ModelCard

#: Ending of the names of tensors that a model file stores in FP16.
_HALF = "_fp16"


def read_trained(path: Path | str) -> Checkpoint:
    """What `bisenet train` has left in the file ``path``, or what the model folder ``path`` holds.

    The norms of a model folder are identities; ``refresh_norms`` makes others of them. ``InputError`` as
    ``read_checkpoint``, and for a folder that cannot be trained on.
    """
    return _read_folder(Path(path)) if Path(path).is_dir() else read_checkpoint(path)


def _read_folder(folder: Path) -> Checkpoint:
    card = ModelCard.load(folder)
    if card.color_order != "rgb":
        raise InputError(f"{folder} takes {card.color_order} images and cannot be trained on; expected rgb")
    seen = ("train_split", "val_split", "weights_splits")
    recipe = Recipe.from_dict(
        {
            "dataset": card.training_data,
            **{key: card.recipe[key] for key in (*seen, "dataset") if key in card.recipe},
            "name": card.name, "network": card.architecture, "options": card.architecture_options,
            "mean": card.mean, "std": card.std,
        },
        str(folder),
    )  # fmt: skip
    space = card.label_space
    network = create_model(recipe.network, space.num_classes, **{**recipe.options, "auxiliary": False})
    _fill(network, _stored_tensors(card.onnx_path), folder)
    return Checkpoint(recipe, space, network_state(network), {}, space.classes)


def _stored_tensors(path: Path) -> dict[str, Tensor]:
    import onnx  # only who begins with a model folder needs it

    graph = onnx.load(path).graph
    arrays = {one.name.removesuffix(_HALF): onnx.numpy_helper.to_array(one) for one in graph.initializer}
    # equal tensors, as an untrained network has, are stored once, and Identity nodes name the others
    arrays.update({node.output[0]: arrays[node.input[0]] for node in graph.node
                   if node.op_type == "Identity" and node.input[0] in arrays})  # fmt: skip
    return {name: torch.from_numpy(array.astype(np.float32)) for name, array in arrays.items()}


@torch.no_grad()
def _fill(network: nn.Module, stored: dict[str, Tensor], folder: Path) -> None:
    """Give ``network`` the tensors of its deployed form, where a convolution's bias holds its norm."""
    state = network.state_dict()
    for name, block in network.named_modules():
        if isinstance(block, nn.Sequential) and has_norm(block):
            ones = torch.ones_like(block[1].weight)
            bias = stored.pop(f"{name}.0.bias", 0 * ones)
            norm = {"weight": ones * (1 + block[1].eps) ** 0.5, "bias": bias,
                    "running_mean": 0 * ones, "running_var": ones}  # fmt: skip
            stored.update({f"{name}.1.{key}": value for key, value in norm.items()})
            stored[f"{name}.0.bias"] = 0 * ones  # of a convolution that has one besides its norm
    for name, tensor in state.items():
        if name.endswith("num_batches_tracked"):
            continue
        if name not in stored or stored[name].shape != tensor.shape:
            raise InputError(
                f"{folder} cannot be trained on: its model.onnx has no {name} of {list(tensor.shape)}; "
                "expected a folder of bisenet export, weights import or weights fetch"
            )
        tensor.copy_(stored[name])


@torch.no_grad()
def refresh_norms(network: nn.Module, images: Tensor) -> None:
    """Measure the statistics of every batch norm on ``images``, Bx3xHxW, and let it compute what it did."""

    def measure(norm: nn.BatchNorm2d, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        scale = norm.weight / (norm.running_var + norm.eps).sqrt()
        shift = norm.bias - norm.running_mean * scale
        norm.running_mean.copy_(inputs[0].mean((0, 2, 3)))
        norm.running_var.copy_(inputs[0].var((0, 2, 3), unbiased=False))
        norm.weight.copy_(scale * (norm.running_var + norm.eps).sqrt())
        norm.bias.copy_(shift + norm.running_mean * scale)

    norms = (module for module in network.modules() if isinstance(module, nn.BatchNorm2d))
    hooks = [norm.register_forward_hook(measure) for norm in norms]
    was_training = network.training
    network.eval()(images)
    network.train(was_training)
    for hook in hooks:
        hook.remove()
