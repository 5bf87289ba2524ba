"""Networks with fresh weights that answer to what they see."""

import torch
from torch import nn

from bisenet_core.models import create_model

SIDE = 64  # of the images here, in pixels; large networks are slow


def patches(count, height=SIDE, width=SIDE, seed=0):
    """Nx3xHxW float32 images with structure at 1/16, as noise alone averages out in a deep network."""
    coarse = torch.randn(count, 3, 4, 4, generator=torch.Generator().manual_seed(seed))
    return nn.functional.interpolate(2 * coarse, size=(height, width), mode="nearest")


def fresh_network(name, num_classes):
    """(network in training mode, its outputs for a batch): its norms know the statistics of that batch."""
    torch.manual_seed(0)
    network = create_model(name, num_classes).train()
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.momentum = None  # the running statistics become those of what has been seen
    with torch.no_grad():
        # enough of them: norms that have seen little make a deep network chaotic
        return network, network(patches(8, 96, 96))
