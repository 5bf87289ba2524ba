"""Weights to begin with: model folders made fit for training, and trunks from files."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from bisenet_core.errors import InputError
from bisenet_core.learning.checkpoint import Checkpoint, network_state, read_checkpoint
from bisenet_core.learning.optimizer import HEADS
from bisenet_core.learning.recipe import Recipe
from bisenet_core.models import create_model
from bisenet_core.models.layers import has_norm
from bisenet_core.models.weights.torch_file import read_published, refuse_other_kinds
from bisenet_core.models.weights.trunk_names import TRUNKS, trunk_tensors
from bisenet_core.runtime.model_card import ModelCard, resolve_model

#: Ending of the names of tensors that a model file stores in FP16.
_HALF = "_fp16"


def read_trained(path: Path | str) -> Checkpoint:
    """What `bisenet train` has left in the file ``path``, or what the model folder ``path`` holds.

    The norms of a model folder are identities; ``refresh_norms`` makes others of them. ``InputError`` as
    ``read_checkpoint``, and for a folder that cannot be trained on.
    """
    path = trained_place(path)
    return _read_folder(path) if path.is_dir() else read_checkpoint(path)


def trained_place(given: Path | str) -> Path:
    """``given``, or where no file is called so, the folder of the model of that name (``resolve_model``)."""
    path = Path(given)
    is_name = len(path.parts) == 1 and not path.suffix and not path.exists()
    return resolve_model(path) if is_name else path


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
    _fill(network, _stored_tensors(card.read_onnx()), folder)
    return Checkpoint(recipe, space, network_state(network), {}, space.classes)


def _stored_tensors(content: bytes) -> dict[str, Tensor]:
    import onnx  # only who begins with a model folder needs it

    graph = onnx.load_from_string(content).graph
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


#: At least this share of the tensors of the trunk and of the file's trunk must be the same ones.
ENOUGH = 0.9
SHOWN = 3


class Fit(NamedTuple):
    """How the tensors of a file and those of a trunk fit; ``str`` tells it in one line."""

    matched: dict[str, Tensor]
    misfits: list[str]

    @property
    def share(self) -> float:
        """Matched tensors as a share of all that are in the trunk or in the file."""
        return len(self.matched) / max(1, len(self.matched) + len(self.misfits))

    def __str__(self) -> str:
        first = f"; first of the others: {'; '.join(self.misfits[:SHOWN])}" if self.misfits else ""
        return f"{len(self.matched)} of {len(self.matched) + len(self.misfits)} tensors match{first}"


def load_backbone(network: nn.Module, path: Path | str, classes: Sequence[str] = ()) -> Fit:
    """Copy pre-trained weights from ``path`` into the trunk of ``network``, and say how many there were.

    The file is one of torch.save or safetensors, and holds one of: a checkpoint of ``bisenet train``, of
    classification or segmentation; a ResNet named as in torchvision or, with a deep stem, as in
    mmsegmentation or timm; MobileNetV2 as in torchvision or timm; ShuffleNetV2 1.5x as its authors name it;
    an STDC network as STDC-Seg publishes it. Its classifier is left aside. Instead of
    a file it may be a model folder, whose norms then are identities.

    Of a file of the same network, trained for whichever classes, all that fits is copied: a head's layers
    that depend on the number of classes do not, nor, where ``classes`` are given and the file's are others,
    those of as many outputs.

    ``InputError`` for a file that cannot be read and for one whose tensors are mostly others; nothing is
    copied then.
    """
    found = read_tensors(path)
    if classes and _classes_of(path) not in ((), tuple(classes)):
        found = {name: tensor for name, tensor in found.items()
                 if name.split(".")[0] not in HEADS or tensor.shape[:1] != (len(classes),)}  # fmt: skip
    part: nn.Module = network
    fit = _fit(*_besides_classes(network.state_dict(), found))
    if fit.share < ENOUGH:
        part = _trunk(network)
        fit = _fit(*_besides_classes(part.state_dict(), trunk_tensors(found)))
    if fit.share < ENOUGH:
        raise InputError(
            f"{path} does not fit {type(part).__name__}, the trunk of {type(network).__name__}: {fit}; "
            f"expected {ENOUGH:.0%} or more"
        )
    part.load_state_dict(fit.matched, strict=False)
    logging.getLogger(__name__).info("trunk from %s: %s", path, fit)
    return fit


def _classes_of(path: Path | str) -> tuple[str, ...]:
    """Of a checkpoint or model folder; () of any other file."""
    try:
        return tuple(read_trained(path).classes)
    except InputError:
        return ()


def _besides_classes(*states: Mapping[str, Tensor]) -> list[Mapping[str, Tensor]]:
    """``states``, two, without their heads' tensors that the other one has not, or of another shape."""
    return [
        {name: tensor for name, tensor in one.items()
         if name.split(".")[0] not in HEADS or (name in other and other[name].shape == tensor.shape)}
        for one, other in (states, states[::-1])
    ]  # fmt: skip


def read_tensors(path: Path | str) -> Mapping[str, Tensor]:
    """Tensors of ``path`` by name, a network's of ours by those it has itself.

    ``InputError`` for a file that holds none, or more than data.
    """
    path = trained_place(path)
    if path.is_dir():
        state = read_trained(path).state
    else:
        safe = path.suffix == ".safetensors"
        state = _read_safetensors(path) if safe else read_published(path).state
    return {name.removeprefix("network."): tensor for name, tensor in state.items()}


def _read_safetensors(path: Path | str) -> dict[str, Tensor]:
    try:
        from safetensors.torch import load_file  # an extra of its own: only who has such a file needs it
    except ModuleNotFoundError:
        raise InputError(f"{path} needs safetensors to be read: pip install safetensors") from None
    try:
        refuse_other_kinds(Path(path))
        return load_file(path)
    except InputError:
        raise
    except Exception as error:  # a missing or damaged file, in the library's own kinds
        raise InputError(f"{path} cannot be read: {' '.join(str(error).split())[:120]}") from None


def _trunk(network: nn.Module) -> nn.Module:
    found = [module for name, module in network.named_modules() if name in TRUNKS]
    if found:
        return found[0]
    return nn.ModuleDict({name: module for name, module in network.named_children() if name not in HEADS})


def _fit(wanted: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> Fit:
    matched, misfits = {}, []
    for name in (*wanted, *(name for name in found if name not in wanted)):
        if name.endswith("num_batches_tracked"):
            continue  # says nothing once training is over, and older files keep none
        if name not in found:
            misfits.append(f"{name} is missing")
        elif name not in wanted:
            misfits.append(f"{name} is extra")
        elif wanted[name].shape != found[name].shape:
            misfits.append(f"{name} is {_text(found[name])}, expected {_text(wanted[name])}")
        else:
            matched[name] = found[name]
    return Fit(matched, misfits)


def _text(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "a single number"
