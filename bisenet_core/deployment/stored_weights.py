"""The network as it is deployed: main head only, batch norms folded; and how its file stores the weights.

FP16 where that changes next to no label, else FP32.
"""

import copy
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from bisenet_core.drives.image_files import image_files_in, read_image
from bisenet_core.drives.rendering import RenderedDrive
from bisenet_core.models.layers import has_norm
from bisenet_core.runtime.model_card import ModelCard
from bisenet_core.runtime.preprocessing import network_input

#: Share of labels, at 1/8, that rounding the weights to FP16 must leave as they are, on every image. Networks
#: trained here keep 99.96% and more on photographs; one that loses much more on any is in doubt.
MIN_EQUAL_ROUNDED = 0.999

#: Images of a folder that are looked at, spread evenly over it; rendered frames.
PHOTOGRAPHS, FRAMES = 8, 3

#: Key of ``ModelCard.metrics``.
STORED_WEIGHTS = "stored_weights"


class JudgedImages(NamedTuple):
    """What an exported network is compared on: Nx3xHxW float32, normalised; and what they are, in words."""

    images: np.ndarray
    name: str


def judged_images(card: ModelCard, folder: Path | None) -> JudgedImages:
    """Images of ``folder`` at the card's size; without one, frames of the rendered street.

    Raises InputError for a folder without images, and for an image that cannot be read.
    """
    width, height = card.input_width, card.input_height
    if folder is None:
        drive = RenderedDrive(width=width, height=height, frames=FRAMES)
        pictures, name = [drive[index][0] for index in range(FRAMES)], f"{FRAMES} rendered street frames"
    else:
        files = image_files_in(folder)
        pictures = [read_image(files[index]) for index in evenly(len(files), PHOTOGRAPHS)]
        name = f"{len(pictures)} of {len(files)} images of {'/'.join(folder.resolve().parts[-2:])}"
    return JudgedImages(np.concatenate([network_input(picture, card) for picture in pictures]), name)


def evenly(count: int, wanted: int) -> list[int]:
    """Up to ``wanted`` of the indices 0 to ``count`` - 1, spread evenly."""
    return [int(index) for index in np.unique(np.linspace(0, count - 1, wanted).astype(int))]


def deployable(network: nn.Module, rounded: bool = True) -> nn.Module:
    """A copy of ``network`` in evaluation mode, batch norms folded, weights ``rounded`` to FP16.

    A weight that FP16 cannot hold keeps its tensor from being rounded. The values stay FP32 tensors: the
    file stores half the bytes while every backend may compute in FP32 with exactly the weights PyTorch sees,
    so that the two can be compared to the last digits.
    """
    deployed = copy.deepcopy(network).eval()
    for module in deployed.modules():
        if isinstance(module, nn.Sequential) and has_norm(module):
            module[0] = fuse_conv_bn_eval(module[0], module[1])
            module[1] = nn.Identity()
    for parameter in deployed.parameters() if rounded else ():
        halves = parameter.detach().half().float()
        if torch.isfinite(halves).all():
            parameter.data.copy_(halves)
    return deployed


def choose_stored_weights(trained: nn.Module, judged: JudgedImages) -> tuple[nn.Module, dict[str, Any]]:
    """The network as it is deployed, and what its card says of its weights.

    ``precision``: fp16 or fp32. ``equal_labels_in_fp16``: smallest share over the images, which decided.
    ``judged_on``: the images.
    """
    rounded = deployable(trained)
    equal = min(_equal_labels(trained, rounded, image) for image in judged.images)
    keeps = equal >= MIN_EQUAL_ROUNDED
    said = {"precision": "fp16" if keeps else "fp32", "equal_labels_in_fp16": round(equal, 6)}
    deployed = rounded if keeps else deployable(trained, rounded=False)
    return deployed, {**said, "judged_on": judged.name}


@torch.inference_mode()
def _equal_labels(one: nn.Module, other: nn.Module, image: np.ndarray) -> float:
    labels, others = (network(torch.from_numpy(image[None])).argmax(1) for network in (one, other))
    return float((labels == others).float().mean())
