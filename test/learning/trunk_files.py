"""ResNet's tensors by the names of the files that others publish."""

import re

import torch


def torchvision_names(state):
    """Our ResNet's tensors as torchvision names them, with its classifier."""
    named = {}
    for name, tensor in state.items():
        name = re.sub(r"conv(\d)\.0\.", r"conv\1.", name)
        named[re.sub(r"conv(\d)\.1\.", r"bn\1.", name)] = tensor
    return {**named, "fc.weight": torch.zeros(10, 512), "fc.bias": torch.zeros(10)}


def deep_stem_names(state, stem, last_norm):
    """Our ResNet v1c's tensors by other names: ``stem``.0, 1, 3, 4, 6 and ``last_norm``."""
    plain = {name: tensor for name, tensor in state.items() if not name.startswith("conv1.")}
    named = torchvision_names(plain)
    for name, tensor in state.items():
        if name.startswith("conv1."):
            _, block, part, kind = name.split(".")
            index = 3 * int(block) + int(part)
            named[f"{last_norm if index == 7 else f'{stem}.{index}'}.{kind}"] = tensor
    return named
