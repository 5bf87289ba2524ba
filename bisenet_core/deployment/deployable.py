"""The network as it is deployed: main head only, batch norms folded, weights representable in FP16."""

import copy

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from bisenet_core.models.layers import has_norm


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
