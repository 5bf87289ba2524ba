"""The network as it is deployed: main head only, batch norms folded, weights representable in FP16."""

import copy

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from bisenet_core.models.layers import ConvNormAct


def deployable(network: nn.Module) -> nn.Module:
    """A copy of ``network`` in evaluation mode, batch norms folded, weights rounded to FP16.

    The rounded values stay FP32 tensors: the file stores half the bytes while every backend may compute
    in FP32 with exactly the weights PyTorch sees, so that the two can be compared to the last digits.
    """
    deployed = copy.deepcopy(network).eval()
    for module in deployed.modules():
        if isinstance(module, ConvNormAct):
            module[0] = fuse_conv_bn_eval(module[0], module[1])
            module[1] = nn.Identity()
    with torch.no_grad():
        for parameter in deployed.parameters():
            parameter.copy_(parameter.half().float())
    return deployed
