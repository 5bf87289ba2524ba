"""Weights that anyone can make again from a tensor's name and shape, and an image of the same kind.

A golden file holds the names and shapes of a public implementation's tensors, and some of the logits which
that implementation gave for these weights and this image.
"""

import json
import zlib
from pathlib import Path

import numpy as np
import torch

LABELS = 1024
GOLDENS = Path(__file__).parent / "goldens"


def tensor_of(name, shape):
    """A tensor that depends on its name and shape only; norms get scales of both signs."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    if name.endswith("num_batches_tracked"):
        return torch.tensor(0)
    if name.endswith("running_var"):
        values = rng.uniform(0.5, 1.5, shape)
    elif len(shape) == 1 and name.endswith("weight"):
        values = rng.uniform(0.5, 1.5, shape) * rng.choice([-1, 1], shape)
    elif len(shape) == 1:
        values = 0.1 * rng.standard_normal(shape)
    else:
        values = rng.standard_normal(shape) * np.sqrt(2 / np.prod(shape[1:]))
    return torch.from_numpy(values.astype(np.float32))


def state_of(shapes):
    """``{name: shape}`` -> ``{name: tensor}``."""
    return {name: tensor_of(name, tuple(shape)) for name, shape in shapes.items()}


def image_of(height, width):
    """A smooth 1x3xHxW float32 image with values like those of a normalised photograph."""
    coarse = torch.from_numpy(np.random.default_rng(0).standard_normal((1, 3, 8, 8)).astype(np.float32))
    return torch.nn.functional.interpolate(coarse, size=(height, width), mode="bilinear", align_corners=False)


def sample(logits, count=256):
    """``count`` values spread evenly over a tensor."""
    flat = logits.detach().flatten()
    return flat[torch.linspace(0, flat.numel() - 1, count).long()]


def write_golden(path, state, height, width, logits, full=None):
    """``state``: the public network's state_dict; ``logits`` 1xKxhxw at 1/8, before any upsampling.

    ``full``: 1xKxHxW, the logits as the public code upsamples them itself.
    """
    content = {
        "image": [height, width],
        "logits_shape": list(logits.shape),
        "samples": [float(f"{value:.7g}") for value in sample(logits).tolist()],
        "shapes": {name: list(tensor.shape) for name, tensor in state.items()},
    }
    if full is not None:
        content["labels"] = sample(full.argmax(1), LABELS).tolist()
    Path(path).write_text(json.dumps(content, separators=(",", ":")) + "\n")


def read_golden(name):
    return json.loads((GOLDENS / f"{name}.json").read_text())
