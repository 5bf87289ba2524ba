"""CoinCheung's names of BiSeNet V1 and V2, and those of STDC-Seg, whose code began from his."""

from collections.abc import Mapping

from torch import Tensor

from bisenet_core.models.stdc import REPEATS
from bisenet_core.models.weights.renaming import (
    IMAGENET,
    Renaming,
    Rule,
    Statistics,
    conv_norm,
    plain,
    torchvision_resnet,
)

#: Of each data set's own images.
_STATISTICS = {
    "cityscapes": Statistics((0.3257, 0.3690, 0.3223), (0.2112, 0.2148, 0.2115)),
    "cocostuff": Statistics((0.46962251, 0.4464104, 0.40718787), (0.27469736, 0.27012361, 0.28515933)),
    "ade20k": Statistics((0.49343230, 0.46819794, 0.43106043), (0.25680755, 0.25506608, 0.27422913)),
}
_INPLACE_ABN_EPSILON = 1e-5

#: Context Path, fusion and head, of BiSeNet V1 and of STDC-Seg.
_PARTS: tuple[Rule, ...] = (
    *conv_norm(r"cp\.arm(16|32)\.conv", r"context_path.attention\1.conv"),
    *conv_norm(r"cp\.arm(16|32)", r"context_path.attention\1.attention", "conv_atten", "bn_atten"),
    *conv_norm(r"cp\.conv_head(16|32)", r"context_path.refine\1"),
    *conv_norm(r"cp\.conv_avg", "context_path.global_context"),
    *conv_norm(r"ffm\.convblk", "fusion.conv"),
    *conv_norm(r"conv_out\.conv", "head.conv"),
    (r"conv_out\.conv_out\.(\w+)", r"head.classifier.\1"),
    (r"conv_out(16|32|_sp\d+)\..+", None),  # auxiliary heads
)

_BISENETV1: tuple[Rule, ...] = (
    *torchvision_resnet(r"cp\.resnet\.", "trunk."),
    *_PARTS,
    *conv_norm(r"sp\.conv1", "spatial_path.0"),
    *conv_norm(r"sp\.conv2", "spatial_path.1"),
    *conv_norm(r"sp\.conv3", "spatial_path.2"),
    *conv_norm(r"sp\.conv_out", "spatial_path.3"),
    (r"ffm\.conv\.(\w+)", r"fusion.attention.0.\1"),
    (r"ffm\.bn\.(\w+)", r"fusion.attention.1.\1"),
)


def _counted(theirs: str, ours: str, first: int = 0) -> tuple[Rule, ...]:
    """Convolution and norm that stand at ``first`` and the place behind it in a sequence of theirs."""
    return conv_norm(theirs, ours, str(first), str(first + 1))


def _bisenetv2() -> tuple[Rule, ...]:
    rules: list[Rule] = []
    for stage in range(3):
        rules += conv_norm(rf"detail\.S{stage + 1}\.(\d)", rf"detail.{stage}.\1")
    first, other = r"segment\.S(3|4|5_4)\.0", r"segment\.S(3|4|5_4)\.([1-9])"
    ours_first, ours_other = r"semantic.stage\1.0", r"semantic.stage\1.\2"
    return (
        *rules,
        *conv_norm(r"segment\.S1S2\.conv", "semantic.stage2.reduce"),
        *conv_norm(r"segment\.S1S2\.left\.([01])", r"semantic.stage2.convolve.\1"),
        *conv_norm(r"segment\.S1S2\.fuse", "semantic.stage2.fuse"),
        *conv_norm(rf"{first}\.conv1", f"{ours_first}.body.0"),
        *_counted(rf"{first}\.dwconv1", f"{ours_first}.body.1"),
        *_counted(rf"{first}\.dwconv2", f"{ours_first}.body.2"),
        *_counted(rf"{first}\.conv2", f"{ours_first}.body.3"),
        *_counted(rf"{first}\.shortcut", f"{ours_first}.shortcut.0"),
        *_counted(rf"{first}\.shortcut", f"{ours_first}.shortcut.1", first=2),
        *conv_norm(rf"{other}\.conv1", f"{ours_other}.body.0"),
        *_counted(rf"{other}\.dwconv", f"{ours_other}.body.1"),
        *_counted(rf"{other}\.conv2", f"{ours_other}.body.2"),
        *plain(r"segment\.S5_5\.bn", "semantic.stage5_5.norm"),
        *conv_norm(r"segment\.S5_5\.conv_gap", "semantic.stage5_5.embed"),
        *conv_norm(r"segment\.S5_5\.conv_last", "semantic.stage5_5.conv"),
        *_counted(r"bga\.left1", "aggregation.detail_high.0"),
        *plain(r"bga\.left1\.2", "aggregation.detail_high.1"),
        *_counted(r"bga\.left2", "aggregation.detail_low.0"),
        *_counted(r"bga\.right1", "aggregation.semantic_high"),
        *_counted(r"bga\.right2", "aggregation.semantic_low.0"),
        *plain(r"bga\.right2\.2", "aggregation.semantic_low.1"),
        *_counted(r"bga\.conv", "aggregation.conv"),
        *conv_norm(r"head\.conv", "head.conv"),
        *plain(r"head\.conv_out\.1", "head.classifier"),
        (r"aux(2|3|4|5_4)\..+", None),
    )


def _stdc(trunk: str) -> Renaming:
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
        *_PARTS,
        (r"ffm\.conv1\.weight", "fusion.attention.0.weight"),
        (r"ffm\.conv2\.weight", "fusion.attention.2.weight"),
        (r"cp\.backbone\.x\d+\..+", None),  # the trunk once more
        (r"cp\.backbone\.(conv_last|fc|bn|linear)\..+", None),  # the classifier of whole images
    ]
    return _StdcRenaming(
        f"{trunk}_seg", tuple(rules), {"cityscapes": IMAGENET}, convert=_effective_scale,
        upsampling="align_corners",  # models/model_stages.py
    )  # fmt: skip


class _StdcRenaming(Renaming):
    """STDC-Seg's classifier has no bias: ours is zero."""

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


RENAMINGS: dict[tuple[str, str], Renaming] = {
    ("coincheung", "bisenetv1_resnet18"): Renaming(
        network="bisenetv1_resnet18",
        rules=_BISENETV1,
        statistics=_STATISTICS,
        options={
            "head_channels": 256,
            "auxiliary_channels": 64,
            "attention": "conv-norm",
            "upsampling": "nearest",
        },
    ),
    ("coincheung", "bisenetv2"): Renaming(
        "bisenetv2",
        _bisenetv2(),
        _STATISTICS,
        {"variant": "community", "aggregation_upsampling": "nearest"},
    ),
    ("stdc-seg", "stdc1_seg"): _stdc("stdc1"),
    ("stdc-seg", "stdc2_seg"): _stdc("stdc2"),
}
