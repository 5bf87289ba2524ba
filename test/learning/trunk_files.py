"""Trunks' tensors by the names of the files that others publish."""

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


#: Blocks in the stages of MobileNetV2 that are ours, by the rows of its paper's Table 2.
_MOBILENETV2 = {"stage2": (2,), "stage3": (3,), "stage4": (4, 3), "stage5": (3, 1)}


def mobilenetv2_names(state, of_timm=False):
    """Our MobileNetV2's tensors as torchvision or timm names them, with its classifier."""
    if of_timm:
        stem, last = ("conv_stem", "bn1"), ("conv_head", "bn2")
        first = [f"blocks.0.0.{part}" for part in ("conv_dw", "bn1", "conv_pw", "bn2")]
        names = ("conv_pw", "bn1", "conv_dw", "bn2", "conv_pwl", "bn3")
    else:
        stem, last = ("features.0.0", "features.0.1"), ("features.18.0", "features.18.1")
        first = [f"features.1.conv.{part}" for part in ("0.0", "0.1", "1", "2")]
        names = ("0.0", "0.1", "1.0", "1.1", "2", "3")
    theirs = {f"stem.0.{n}": name for n, name in enumerate(stem)}
    theirs |= {f"stage5.4.{n}": name for n, name in enumerate(last)}
    theirs |= {f"stem.1.0.body.{k // 2}.{k % 2}": name for k, name in enumerate(first)}
    number, row = 2, 1
    for stage, rows in _MOBILENETV2.items():
        place = 0
        for layers in rows:
            for layer in range(layers):
                block = f"blocks.{row}.{layer}" if of_timm else f"features.{number}.conv"
                for k, name in enumerate(names):
                    theirs[f"{stage}.{place}.body.{k // 2}.{k % 2}"] = f"{block}.{name}"
                number, place = number + 1, place + 1
            row += 1
    return {**_by_part(state, theirs), "classifier.1.weight": torch.zeros(10, 1280)}


def shufflenetv2_names(state):
    """Our ShuffleNetV2's tensors as its authors name them, with its classifier."""
    ends = {"stem.0": "first_conv", "conv5": "conv_last"}
    theirs = {f"{ours}.{n}": f"{name}.{n}" for ours, name in ends.items() for n in range(2)}
    units = [(stage, unit) for stage, count in ((2, 4), (3, 8), (4, 4)) for unit in range(count)]
    for number, (stage, unit) in enumerate(units):
        ours = f"stage{stage}.{unit}"
        for k, layer in enumerate((0, 1, 3, 4, 5, 6)):
            theirs[f"{ours}.body.{k // 2}.{k % 2}"] = f"features.{number}.branch_main.{layer}"
        for k in range(4):
            theirs[f"{ours}.shortcut.{k // 2}.{k % 2}"] = f"features.{number}.branch_proj.{k}"
    return {**_by_part(state, theirs), "classifier.0.weight": torch.zeros(10, 1024)}


def _by_part(state, theirs):
    """Tensors whose names without the last part are renamed; each has to be."""
    parts = {name: name.rpartition(".") for name in state}
    return {f"{theirs[part]}.{kind}": state[name] for name, (part, _, kind) in parts.items()}
