"""See what a trained network looks at: Grad-CAM of its layers, its branches' predictions, maps of a stage."""

from functools import partial
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from bisenet_core.deployment.loading import load_network
from bisenet_core.errors import InputError, suggest
from bisenet_core.labels.label_space import LabelSpace
from bisenet_core.labels.visualization import overlay
from bisenet_core.learning.pretrained import read_trained, trained_place
from bisenet_core.learning.transforms import normalised
from bisenet_core.models.bisenetv1 import BiSeNetV1
from bisenet_core.models.bisenetv2.network import BiSeNetV2
from bisenet_core.models.stdc import STDCSeg
from bisenet_core.runtime.model_card import ModelCard
from bisenet_core.runtime.postprocessing import ALIGN_CORNERS, refuse_non_finite

#: Captions and pictures, HxWx3 uint8 RGB.
Pictures = list[tuple[str, np.ndarray]]


class Explained(NamedTuple):
    """A trained network in evaluation mode, its auxiliary heads where they were kept, and its classes."""

    network: nn.Module
    label_space: LabelSpace
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    align_corners: bool
    """Whether its logits are up-sampled so, when it is deployed."""


def open_explained(path: Path | str) -> Explained:
    """The network of a checkpoint of `bisenet train`, or of a model folder that training could begin with.

    ``InputError`` for any other file or folder, and for a network whose parts are not known here.
    """
    try:
        trained = read_trained(path)
    except InputError as error:
        raise InputError(f"no gradients without a network to train: {error}") from None
    network = load_network(trained, path, auxiliary=True)
    recipe, space = trained[:2]
    assert space is not None  # of a network that labels pixels
    if not isinstance(network, (BiSeNetV1, BiSeNetV2, STDCSeg)):
        raise InputError(f"{path} is a {recipe.network}; BiSeNet V1, V2 and STDC networks can be explained")
    folder = trained_place(path)
    aligned = folder.is_dir() and ModelCard.load(folder).upsampling == ALIGN_CORNERS
    return Explained(network, space, recipe.mean, recipe.std, aligned)


def explain(trained: Explained, image: np.ndarray, class_name: str = "") -> list[tuple[str, Pictures]]:
    """Titles and pictures of what ``trained`` sees in ``image``, HxWx3 uint8 RGB.

    Grad-CAM is of the class ``class_name``, or without one of the winning class of each pixel. ``InputError``
    for a class that the network does not know.
    """
    classes = trained.label_space.classes
    if class_name and class_name not in classes:
        raise InputError(f"no class is called {class_name!r}; {suggest(class_name, classes)}")
    network = trained.network
    pixels = torch.from_numpy(normalised(image, trained.mean, trained.std))[None]
    chosen = classes.index(class_name) if class_name else None
    cams = grad_cams(network, pixels, _layers(network), chosen)
    of_class = class_name or "each pixel's own class"
    labels = _labelled(network(pixels), image, trained)
    rows = [("The image and its labels", [("Image", image), ("Labels", labels)]),
            (f"Grad-CAM of {of_class}", [(name, _heated(image, cam)) for name, cam in cams.items()])]
    if isinstance(network, BiSeNetV2) and network.detail is not None and network.semantic is not None:
        found = branch_logits(network, pixels)
        rows.append(("Predictions of the branches",
                     [(name, _labelled(logits, image, trained)) for name, logits in found.items()]))
    if isinstance(network, STDCSeg):
        maps = detail_maps(network, pixels)
        rows.append(("Stage 3", [(name, _heated(image, heat)) for name, heat in maps.items()]))
    return rows


def _layers(network: nn.Module) -> dict[str, nn.Module]:
    """The layers whose Grad-CAMs are shown, by what they are called."""
    if isinstance(network, BiSeNetV1):
        return {f"Spatial Path, layer {n}": layer for n, layer in enumerate(network.spatial_path, 1)}
    if isinstance(network, STDCSeg):
        return {f"Stage {n}": getattr(network.backbone, f"stage{n}") for n in (3, 4, 5)}
    assert isinstance(network, BiSeNetV2)
    if isinstance(network.detail, nn.Sequential):
        return {f"Detail Branch, stage {n}": stage for n, stage in enumerate(network.detail, 1)}
    return {"Before the head": network.tail}


def grad_cams(
    network: nn.Module, image: Tensor, layers: dict[str, nn.Module], class_id: int | None
) -> dict[str, np.ndarray]:
    """Where each layer speaks for the class: hxw float32, 0 to 1, by name (Selvaraju et al. 2017).

    ``image`` is 1x3xHxW, normalised. The score is the log-probability of the class, summed over the pixels
    that have it; without a class, over all pixels of that which each has. Its gradient, averaged over the
    positions of a layer, weighs the layer's channels; what is negative is cut.
    """
    kept: dict[str, Tensor] = {}

    def keep(name: str, _module: nn.Module, _inputs: object, output: Tensor) -> None:
        kept[name] = output

    hooks = [layer.register_forward_hook(partial(keep, name)) for name, layer in layers.items()]
    with torch.enable_grad():
        found, won = network(image.requires_grad_()).log_softmax(1).max(1)
        score = found.sum() if class_id is None else (found * (won == class_id)).sum()
        gradients = torch.autograd.grad(score, list(kept.values()))
    for hook in hooks:
        hook.remove()
    weighted = [(gradient.mean((2, 3), keepdim=True) * kept[name]).sum(1)[0].relu()
                for name, gradient in zip(kept, gradients)]
    return {name: _unit(cam) for name, cam in zip(kept, weighted)}


@torch.no_grad()
def branch_logits(network: BiSeNetV2, image: Tensor) -> dict[str, Tensor]:
    """Logits 1xKxhxw of each branch and of both, by name.

    A branch alone is seen with the other's features levelled to their mean over the image, so that nothing of
    where things lie comes from it.
    """
    assert network.detail is not None and network.semantic is not None
    found = {**network.detail(image), **network.semantic(image)}

    def without(*names: str) -> Tensor:
        level = {name: found[name].mean((2, 3), keepdim=True).expand_as(found[name]) for name in names}
        return network.head(network.tail(network.aggregation({**found, **level})))

    return {"Detail Branch": without("stage5_5"), "Semantic Branch": without("detail"), "Both": without()}


@torch.no_grad()
def detail_maps(network: STDCSeg, image: Tensor) -> dict[str, np.ndarray]:
    """hxw float32, 0 to 1: the mean over the channels of what feeds the fusion; the Detail Head's output."""
    features = network.features(image)["detail"]
    found = {"Mean of its channels": _unit(features.mean(1)[0])}
    if "detail" in network.auxiliary:
        found["Detail Head"] = network.auxiliary["detail"](features)[0, 0].sigmoid().numpy()
    return found


def _unit(values: Tensor) -> np.ndarray:
    low, high = values.min(), values.max()
    return ((values - low) / (high - low).clamp(min=1e-12)).detach().numpy()


def _labelled(logits: Tensor, image: np.ndarray, trained: Explained) -> np.ndarray:
    refuse_non_finite(logits.detach().numpy())
    full = functional.interpolate(
        logits.detach(), size=image.shape[:2], mode="bilinear", align_corners=trained.align_corners)
    return overlay(image, full.argmax(1)[0].numpy().astype(np.uint8), trained.label_space, 0.6)


def _heated(image: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """The image in grey under ``heat``, hxw 0 to 1, from blue to red."""
    large = cv2.resize(heat, image.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    colours = cv2.applyColorMap((255 * large).astype(np.uint8), cv2.COLORMAP_JET)[..., ::-1]
    grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return cv2.addWeighted(grey, 0.5, np.ascontiguousarray(colours), 0.5, 0)
