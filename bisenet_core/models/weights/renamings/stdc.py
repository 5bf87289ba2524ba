"""STDC-Seg as its authors and mmsegmentation name it."""

from collections.abc import Mapping

from torch import Tensor

from bisenet_core.models.stdc import REPEATS
from bisenet_core.models.weights.renaming import (
    COINCHEUNG_PARTS,
    IMAGENET,
    MMSEG_HEADS,
    Renaming,
    Rule,
    conv_norm,
)

_STATISTICS = {"cityscapes": IMAGENET}
_INPLACE_ABN_EPSILON = 1e-5
#: models/model_stages.py of the authors, and decode_head of configs/_base_/models/stdc.py in mmsegmentation
_UPSAMPLING = "align_corners"


def _authors(trunk: str) -> Renaming:
    modules = ["stage1", "stage2"]  # theirs are numbered without regard to the stages
    for stage, count in enumerate(REPEATS[trunk], 3):
        modules += [f"stage{stage}.{index}" for index in range(count)]
    rules: list[Rule] = []
    for number, module in enumerate(modules):
        theirs, ours = rf"cp\.backbone\.features\.{number}", f"backbone.{module}"
        rules += conv_norm(theirs, ours)
        rules += conv_norm(rf"{theirs}\.conv_list\.(\d)", rf"{ours}.blocks.\1")
        rules += conv_norm(rf"{theirs}\.avd_layer", f"{ours}.down", "0", "1")
    rules += [
        *COINCHEUNG_PARTS,
        (r"ffm\.conv1\.weight", "fusion.attention.0.weight"),
        (r"ffm\.conv2\.weight", "fusion.attention.2.weight"),
        (r"cp\.backbone\.x\d+\..+", None),  # the trunk once more
        (r"cp\.backbone\.(conv_last|fc|bn|linear)\..+", None),  # the classifier of whole images
    ]
    return _AuthorsRenaming(
        f"{trunk}_seg", tuple(rules), _STATISTICS, convert=_effective_scale, upsampling=_UPSAMPLING
    )


class _AuthorsRenaming(Renaming):
    """Their classifier has no bias: ours is zero."""

    def translate(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        ours = super().translate(state)
        weight = ours.get("head.classifier.weight")
        if weight is not None:
            ours.setdefault("head.classifier.bias", weight.new_zeros(weight.shape[:1]))
        return ours


def _effective_scale(name: str, tensor: Tensor) -> Tensor:
    """Their norms outside of the trunk are InPlaceABN, which scales by |weight| + epsilon."""
    if name.startswith("cp.backbone.") or not name.endswith(("bn.weight", "bn_atten.weight")):
        return tensor
    return tensor.abs() + _INPLACE_ABN_EPSILON


def _mmseg(network: str) -> Renaming:
    rules: list[Rule] = []
    stages = r"backbone\.backbone\.stages"
    for number in range(2):
        rules += conv_norm(rf"{stages}\.{number}", f"backbone.stage{number + 1}")
    for number in range(2, 5):
        ours = rf"backbone.stage{number + 1}.\1"
        rules += conv_norm(rf"{stages}\.{number}\.(\d)\.layers\.(\d)", rf"{ours}.blocks.\2")
        rules += conv_norm(rf"{stages}\.{number}\.(\d)\.downsample", f"{ours}.down")
    for number, scale in enumerate((32, 16)):
        arm, ours = rf"backbone\.arms\.{number}", f"context_path.attention{scale}"
        rules += conv_norm(rf"{arm}\.conv_layer", f"{ours}.conv")
        rules += conv_norm(rf"{arm}\.atten_conv_layer\.1", f"{ours}.attention")
        rules += conv_norm(rf"backbone\.convs\.{number}", f"context_path.refine{scale}")
    rules += [
        *conv_norm(r"backbone\.conv_avg", "context_path.global_context"),
        *conv_norm(r"backbone\.ffm\.conv0", "fusion.conv"),
        (r"backbone\.ffm\.attention\.1\.conv\.weight", "fusion.attention.0.weight"),
        (r"backbone\.ffm\.attention\.2\.conv\.weight", "fusion.attention.2.weight"),
        *MMSEG_HEADS,
    ]
    return Renaming(network, tuple(rules), _STATISTICS, upsampling=_UPSAMPLING)


RENAMINGS: dict[tuple[str, str], Renaming] = {
    ("stdc-seg", "stdc1_seg"): _authors("stdc1"),
    ("stdc-seg", "stdc2_seg"): _authors("stdc2"),
    ("mmseg", "stdc1_seg"): _mmseg("stdc1_seg"),
    ("mmseg", "stdc2_seg"): _mmseg("stdc2_seg"),
}
