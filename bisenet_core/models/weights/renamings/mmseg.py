"""mmsegmentation's names of BiSeNet V1, V2 and STDC-Seg, and what it computes otherwise than the authors."""

from bisenet_core.models.weights.renaming import (
    IMAGENET,
    Renaming,
    Rule,
    conv_norm,
    plain,
    torchvision_resnet,
)

#: Decode heads, and auxiliary heads, which are left out.
_HEADS: tuple[Rule, ...] = (
    *conv_norm(r"decode_head\.convs\.0", "head.conv"),
    (r"decode_head\.conv_seg\.(\w+)", r"head.classifier.\1"),
    (r"auxiliary_head\..+", None),
)
_ARM = r"backbone\.context_path\.arm(16|32)"

_BISENETV1: tuple[Rule, ...] = (
    *torchvision_resnet(r"backbone\.context_path\.backbone\.", "trunk."),
    *conv_norm(rf"{_ARM}\.conv_layer", r"context_path.attention\1.conv"),
    *conv_norm(rf"{_ARM}\.atten_conv_layer\.1", r"context_path.attention\1.attention"),
    *conv_norm(r"backbone\.context_path\.conv_head(16|32)", r"context_path.refine\1"),
    *conv_norm(r"backbone\.context_path\.gap_conv\.1", "context_path.global_context"),
    *conv_norm(r"backbone\.spatial_path\.layer1", "spatial_path.0"),
    *conv_norm(r"backbone\.spatial_path\.layer2", "spatial_path.1"),
    *conv_norm(r"backbone\.spatial_path\.layer3", "spatial_path.2"),
    *conv_norm(r"backbone\.spatial_path\.layer4", "spatial_path.3"),
    *conv_norm(r"backbone\.ffm\.conv1", "fusion.conv"),
    *conv_norm(r"backbone\.ffm\.conv_atten\.0", "fusion.attention"),
    *_HEADS,
)


def _bisenetv1(depth: int, width: int, *datasets: str) -> Renaming:
    """mmsegmentation's with a plain ResNet stem; the deeper trunks have paths four times as wide."""
    return Renaming(
        network=f"bisenetv1_resnet{depth}",
        rules=_BISENETV1,
        statistics={dataset: IMAGENET for dataset in datasets},
        options={
            "backbone": f"resnet{depth}",
            "width": width,
            "head_channels": 2 * width,
            "auxiliary_channels": width // 2,
            "attention": "conv-norm-relu",
            "upsampling": "nearest",
        },
    )


def _bisenetv2() -> tuple[Rule, ...]:
    rules: list[Rule] = []
    for theirs, ours in (("2", "3"), ("3", "4"), ("4", "5_4")):
        stage, ours_stage = rf"backbone\.semantic\.stage{theirs}", f"semantic.stage{ours}"
        rules += [
            *conv_norm(rf"{stage}\.(\d)\.conv1", rf"{ours_stage}.\1.body.0"),
            *conv_norm(rf"{stage}\.(\d)\.dwconv\.0", rf"{ours_stage}.\1.body.1"),
            *conv_norm(rf"{stage}\.0\.dwconv\.1", f"{ours_stage}.0.body.2"),
            *conv_norm(rf"{stage}\.0\.conv2\.0", f"{ours_stage}.0.body.3"),
            *conv_norm(rf"{stage}\.([1-9])\.conv2\.0", rf"{ours_stage}.\1.body.2"),
            *conv_norm(rf"{stage}\.0\.shortcut\.0\.depthwise_conv", f"{ours_stage}.0.shortcut.0"),
            *conv_norm(rf"{stage}\.0\.shortcut\.0\.pointwise_conv", f"{ours_stage}.0.shortcut.1"),
        ]
    return (
        *conv_norm(r"backbone\.detail\.detail_branch\.(\d)\.(\d)", r"detail.\1.\2"),
        *conv_norm(r"backbone\.semantic\.stage1\.conv_first", "semantic.stage2.reduce"),
        *conv_norm(r"backbone\.semantic\.stage1\.convs\.([01])", r"semantic.stage2.convolve.\1"),
        *conv_norm(r"backbone\.semantic\.stage1\.fuse_last", "semantic.stage2.fuse"),
        *rules,
        *plain(r"backbone\.semantic\.stage4_CEBlock\.gap\.1", "semantic.stage5_5.norm"),
        *conv_norm(r"backbone\.semantic\.stage4_CEBlock\.conv_gap", "semantic.stage5_5.embed"),
        *conv_norm(r"backbone\.semantic\.stage4_CEBlock\.conv_last", "semantic.stage5_5.conv"),
        *conv_norm(r"backbone\.bga\.detail_dwconv\.0\.depthwise_conv", "aggregation.detail_high.0"),
        *plain(r"backbone\.bga\.detail_dwconv\.0\.pointwise_conv\.conv", "aggregation.detail_high.1"),
        *conv_norm(r"backbone\.bga\.detail_down\.0", "aggregation.detail_low.0"),
        *conv_norm(r"backbone\.bga\.semantic_conv\.0", "aggregation.semantic_high"),
        *conv_norm(r"backbone\.bga\.semantic_dwconv\.0\.depthwise_conv", "aggregation.semantic_low.0"),
        *plain(r"backbone\.bga\.semantic_dwconv\.0\.pointwise_conv\.conv", "aggregation.semantic_low.1"),
        *conv_norm(r"backbone\.bga\.conv", "aggregation.conv"),
        *_HEADS,
    )


def _stdc(network: str) -> Renaming:
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
        *_HEADS,
    ]
    # decode_head of configs/_base_/models/stdc.py says how logits grow
    return Renaming(network, tuple(rules), {"cityscapes": IMAGENET}, upsampling="align_corners")


RENAMINGS: dict[tuple[str, str], Renaming] = {
    ("mmseg", "bisenetv1_resnet18"): _bisenetv1(18, 128, "cityscapes", "cocostuff"),
    ("mmseg", "bisenetv1_resnet50"): _bisenetv1(50, 512, "cityscapes", "cocostuff"),
    ("mmseg", "bisenetv1_resnet101"): _bisenetv1(101, 512, "cocostuff"),
    ("mmseg", "bisenetv2"): Renaming(
        "bisenetv2",
        _bisenetv2(),
        {"cityscapes": IMAGENET},
        {"variant": "community", "aggregation_bias": True},
    ),
    ("mmseg", "stdc1_seg"): _stdc("stdc1_seg"),
    ("mmseg", "stdc2_seg"): _stdc("stdc2_seg"),
}
