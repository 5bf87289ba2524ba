"""Rename the tensors of pre-trained classification networks as our trunks name them."""

from collections.abc import Mapping, Sequence

from torch import Tensor

from bisenet_core.errors import InputError
from bisenet_core.models.backbones.mobile import MobileNetV2, ShuffleNetV2
from bisenet_core.models.weights.renaming import Rule, our_name, torchvision_resnet
from bisenet_core.models.weights.renamings import renaming_of

#: Where networks have their trunks, ours and those of OpenMMLab.
TRUNKS = ("trunk", "backbone", "semantic.trunk")

#: Of a ResNet whose stem is deep: convolution, norm and ReLU three times over, in one Sequential. timm leaves
#: the last norm outside of it.
_DEEP_STEM: list[Rule] = [
    *((rf"(?:stem|conv1)\.{n}\.(\w+)", rf"conv1.{n // 3}.{n % 3}.\1") for n in (0, 1, 3, 4, 6, 7)),
    (r"bn1\.(\w+)", r"conv1.2.1.\1"),
]


def _mobilenetv2() -> list[Rule]:
    """torchvision counts the blocks through, timm by the rows of the paper's Table 2; ours go by stages."""
    rules: list[Rule] = [
        (r"(?:features\.0\.0|conv_stem)\.(\w+)", r"stem.0.0.\1"),
        (r"(?:features\.0\.1|bn1)\.(\w+)", r"stem.0.1.\1"),
        (r"features\.1\.conv\.0\.([01])\.(\w+)", r"stem.1.0.body.0.\1.\2"),
        (r"(?:features\.1\.conv\.1|blocks\.0\.0\.conv_pw)\.(\w+)", r"stem.1.0.body.1.0.\1"),
        (r"(?:features\.1\.conv\.2|blocks\.0\.0\.bn2)\.(\w+)", r"stem.1.0.body.1.1.\1"),
        (r"blocks\.0\.0\.conv_dw\.(\w+)", r"stem.1.0.body.0.0.\1"),
        (r"blocks\.0\.0\.bn1\.(\w+)", r"stem.1.0.body.0.1.\1"),
        (r"(?:features\.18\.0|conv_head)\.(\w+)", r"stage5.4.0.\1"),
        (r"(?:features\.18\.1|bn2)\.(\w+)", r"stage5.4.1.\1"),
        (r"classifier\..+", None),
    ]
    stages = [[layers for _, _, layers in rows] for rows in MobileNetV2.STAGES[1:]]
    by_row = [(row, layer) for row, layers in enumerate(sum(stages, []), 1) for layer in range(layers)]
    ours = [(stage, place) for stage, rows in enumerate(stages, 2) for place in range(sum(rows))]
    for number, ((row, layer), (stage, place)) in enumerate(zip(by_row, ours), 2):
        body, timm = f"stage{stage}.{place}.body", rf"blocks\.{row}\.{layer}"
        rules += [(rf"features\.{number}\.conv\.([01])\.([01])\.(\w+)", rf"{body}.\1.\2.\3"),
                  (rf"features\.{number}\.conv\.2\.(\w+)", rf"{body}.2.0.\1"),
                  (rf"features\.{number}\.conv\.3\.(\w+)", rf"{body}.2.1.\1")]
        for part, kind in enumerate(("pw", "dw", "pwl")):
            rules += [(rf"{timm}\.conv_{kind}\.(\w+)", rf"{body}.{part}.0.\1"),
                      (rf"{timm}\.bn{part + 1}\.(\w+)", rf"{body}.{part}.1.\1")]
    return rules


def _shufflenetv2() -> list[Rule]:
    """The authors' (megvii-model/ShuffleNet-Series); torchvision's units are other ones."""
    rules: list[Rule] = [
        (r"first_conv\.([01])\.(\w+)", r"stem.0.\1.\2"),
        (r"conv_last\.([01])\.(\w+)", r"conv5.\1.\2"),
        (r"classifier\..+", None),
    ]
    ours = [(stage, unit) for stage, (_, units) in enumerate(ShuffleNetV2.STAGES, 2) for unit in range(units)]
    for number, (stage, unit) in enumerate(ours):
        for branch, part in (("proj", "shortcut"), ("main", "body")):
            layers = (0, 1, 2, 3) if branch == "proj" else (0, 1, 3, 4, 5, 6)  # a ReLU is counted, too
            for place, layer in enumerate(layers):
                theirs = rf"features\.{number}\.branch_{branch}\.{layer}\.(\w+)"
                rules.append((theirs, rf"stage{stage}.{unit}.{part}.{place // 2}.{place % 2}.\1"))
    return rules


def trunk_tensors(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The trunk in ``state``, the tensors of a whole network or of a trunk alone, by our names.

    A name that no rule knows stays as it is. ``InputError`` for a network that is recognised and has tensors
    of others.
    """
    trunk = dict(state)
    for name in TRUNKS:
        trunk = _below(name, trunk)
    if "features.0.0.weight" in trunk or "blocks.0.0.conv_dw.weight" in trunk:
        return _renamed(trunk, _mobilenetv2())
    if "first_conv.0.weight" in trunk:
        return _renamed(trunk, _shufflenetv2())
    if any(name.startswith("features.") for name in trunk):
        return _stdc(trunk)
    if "layer1.0.conv1.weight" in trunk:
        stem = _DEEP_STEM if any(name.startswith(("stem.", "conv1.0.")) for name in trunk) else []
        others: list[Rule] = [(r"(fc|head|classifier)\..+", None), (r"(.+)", r"\1")]
        return _renamed(trunk, [*stem, *torchvision_resnet(), *others])
    return trunk


def _below(prefix: str, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """What stands below ``prefix``, by its name there; all of ``state`` where nothing does."""
    start = f"{prefix}."
    return {name[len(start) :]: tensor for name, tensor in state.items() if name.startswith(start)} or state


def _stdc(trunk: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """STDC-Seg's classification networks: the trunks of its segmentation networks by the same names."""
    network = "stdc2_seg" if any(name.startswith("features.8.") for name in trunk) else "stdc1_seg"
    theirs = {f"cp.backbone.{name}": tensor for name, tensor in trunk.items()}
    return _below("backbone", renaming_of("stdc-seg", network).translate(theirs))


def _renamed(trunk: Mapping[str, Tensor], rules: Sequence[Rule]) -> dict[str, Tensor]:
    try:
        named = {our_name(name, rules): tensor for name, tensor in trunk.items()}
    except KeyError as error:
        raise InputError(f"tensor {error.args[0]} is of no network whose weights are understood") from None
    return {name: tensor for name, tensor in named.items() if name is not None}
