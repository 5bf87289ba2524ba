"""BiSeNet V2 as CoinCheung/BiSeNet and mmsegmentation name it."""

from bisenet_core.models.weights.renaming import COINCHEUNG, IMAGENET, MMSEG_HEADS, Renaming, Rule, conv_norm


def _counted(theirs: str, ours: str, first: int = 0) -> tuple[Rule, ...]:
    """Convolution and norm that stand at ``first`` and the place behind it in a sequence of theirs."""
    return conv_norm(theirs, ours, str(first), str(first + 1))


def _plain(theirs: str, ours: str) -> list[Rule]:
    """One module with tensors of its own."""
    return [(rf"{theirs}\.(?P<tensor>\w+)", rf"{ours}.\g<tensor>")]


def _coincheung() -> tuple[Rule, ...]:
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
        *_plain(r"segment\.S5_5\.bn", "semantic.stage5_5.norm"),
        *conv_norm(r"segment\.S5_5\.conv_gap", "semantic.stage5_5.embed"),
        *conv_norm(r"segment\.S5_5\.conv_last", "semantic.stage5_5.conv"),
        *_counted(r"bga\.left1", "aggregation.detail_high.0"),
        *_plain(r"bga\.left1\.2", "aggregation.detail_high.1"),
        *_counted(r"bga\.left2", "aggregation.detail_low.0"),
        *_counted(r"bga\.right1", "aggregation.semantic_high"),
        *_counted(r"bga\.right2", "aggregation.semantic_low.0"),
        *_plain(r"bga\.right2\.2", "aggregation.semantic_low.1"),
        *_counted(r"bga\.conv", "aggregation.conv"),
        *conv_norm(r"head\.conv", "head.conv"),
        *_plain(r"head\.conv_out\.1", "head.classifier"),
        (r"aux(2|3|4|5_4)\..+", None),
    )


def _mmseg() -> tuple[Rule, ...]:
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
        *_plain(r"backbone\.semantic\.stage4_CEBlock\.gap\.1", "semantic.stage5_5.norm"),
        *conv_norm(r"backbone\.semantic\.stage4_CEBlock\.conv_gap", "semantic.stage5_5.embed"),
        *conv_norm(r"backbone\.semantic\.stage4_CEBlock\.conv_last", "semantic.stage5_5.conv"),
        *conv_norm(r"backbone\.bga\.detail_dwconv\.0\.depthwise_conv", "aggregation.detail_high.0"),
        *_plain(r"backbone\.bga\.detail_dwconv\.0\.pointwise_conv\.conv", "aggregation.detail_high.1"),
        *conv_norm(r"backbone\.bga\.detail_down\.0", "aggregation.detail_low.0"),
        *conv_norm(r"backbone\.bga\.semantic_conv\.0", "aggregation.semantic_high"),
        *conv_norm(r"backbone\.bga\.semantic_dwconv\.0\.depthwise_conv", "aggregation.semantic_low.0"),
        *_plain(r"backbone\.bga\.semantic_dwconv\.0\.pointwise_conv\.conv", "aggregation.semantic_low.1"),
        *conv_norm(r"backbone\.bga\.conv", "aggregation.conv"),
        *MMSEG_HEADS,
    )


RENAMINGS: dict[tuple[str, str], Renaming] = {
    ("coincheung", "bisenetv2"): Renaming(
        "bisenetv2",
        _coincheung(),
        COINCHEUNG,
        {"variant": "community", "aggregation_upsampling": "nearest"},
    ),
    ("mmseg", "bisenetv2"): Renaming(
        "bisenetv2",
        _mmseg(),
        {"cityscapes": IMAGENET},
        {"variant": "community", "aggregation_bias": True},
    ),
}
