"""Rename the tensors of pre-trained classification networks as our trunks name them."""

from collections.abc import Mapping, Sequence

from torch import Tensor

from bisenet_core.models.weights.renaming import Rule, our_name
from bisenet_core.models.weights.renamings import renaming_of

#: Where networks have their trunks, ours and those of OpenMMLab.
TRUNKS = ("trunk", "backbone", "semantic.trunk")

#: By whether the stem is deep: convolution, norm and ReLU three times over, in one Sequential. timm leaves
#: the last norm outside of it.
_STEMS: dict[bool, list[Rule]] = {
    True: [
        *((rf"(?:stem|conv1)\.{n}\.(\w+)", rf"conv1.{n // 3}.{n % 3}.\1") for n in (0, 1, 3, 4, 6, 7)),
        (r"bn1\.(\w+)", r"conv1.2.1.\1"),
    ],
    False: [(r"conv1\.(\w+)", r"conv1.0.\1"), (r"bn1\.(\w+)", r"conv1.1.\1")],
}
_RESNET: list[Rule] = [
    (r"(layer\d\.\d+\.)conv(\d)\.(\w+)", r"\1conv\2.0.\3"),
    (r"(layer\d\.\d+\.)bn(\d)\.(\w+)", r"\1conv\2.1.\3"),
    (r"(fc|head|classifier)\..+", None),
    (r"(.+)", r"\1"),
]


def trunk_tensors(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The trunk in ``state``, the tensors of a whole network or of a trunk alone, by our names.

    A name that no rule knows stays as it is. ``InputError`` for an STDC network with tensors of others.
    """
    trunk = _below("network", dict(state))  # that which a module of ours trains
    for name in TRUNKS:
        trunk = _below(name, trunk)
    if any(name.startswith("features.") for name in trunk):
        return _stdc(trunk)
    if "layer1.0.conv1.weight" in trunk:
        deep = any(name.startswith(("stem.", "conv1.0.")) for name in trunk)
        return _renamed(trunk, [*_STEMS[deep], *_RESNET])
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
    named = {our_name(name, rules): tensor for name, tensor in trunk.items()}
    return {name: tensor for name, tensor in named.items() if name is not None}
