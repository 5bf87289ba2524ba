"""How public code bases name the tensors of BiSeNet V1, and what they compute otherwise than its authors."""

from bisenet_core.models.weights.renaming import (
    COINCHEUNG,
    COINCHEUNG_PARTS,
    IMAGENET,
    MMSEG_HEADS,
    Renaming,
    Rule,
    conv_norm,
    torchvision_resnet,
)

_COINCHEUNG_RULES: tuple[Rule, ...] = (
    *torchvision_resnet(r"cp\.resnet\.", "trunk."),
    *COINCHEUNG_PARTS,
    *conv_norm(r"sp\.conv1", "spatial_path.0"),
    *conv_norm(r"sp\.conv2", "spatial_path.1"),
    *conv_norm(r"sp\.conv3", "spatial_path.2"),
    *conv_norm(r"sp\.conv_out", "spatial_path.3"),
    (r"ffm\.conv\.(\w+)", r"fusion.attention.0.\1"),
    (r"ffm\.bn\.(\w+)", r"fusion.attention.1.\1"),
)

_MMSEG_ARM = r"backbone\.context_path\.arm(16|32)"

_MMSEG_RULES: tuple[Rule, ...] = (
    *torchvision_resnet(r"backbone\.context_path\.backbone\.", "trunk."),
    *conv_norm(rf"{_MMSEG_ARM}\.conv_layer", r"context_path.attention\1.conv"),
    *conv_norm(rf"{_MMSEG_ARM}\.atten_conv_layer\.1", r"context_path.attention\1.attention"),
    *conv_norm(r"backbone\.context_path\.conv_head(16|32)", r"context_path.refine\1"),
    *conv_norm(r"backbone\.context_path\.gap_conv\.1", "context_path.global_context"),
    *conv_norm(r"backbone\.spatial_path\.layer1", "spatial_path.0"),
    *conv_norm(r"backbone\.spatial_path\.layer2", "spatial_path.1"),
    *conv_norm(r"backbone\.spatial_path\.layer3", "spatial_path.2"),
    *conv_norm(r"backbone\.spatial_path\.layer4", "spatial_path.3"),
    *conv_norm(r"backbone\.ffm\.conv1", "fusion.conv"),
    *conv_norm(r"backbone\.ffm\.conv_atten\.0", "fusion.attention"),
    *MMSEG_HEADS,
)


def _mmseg(depth: int, width: int, *datasets: str) -> Renaming:
    """mmsegmentation's with a plain ResNet stem; the deeper trunks have paths four times as wide."""
    return Renaming(
        network=f"bisenetv1_resnet{depth}",
        rules=_MMSEG_RULES,
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


RENAMINGS: dict[tuple[str, str], Renaming] = {
    ("coincheung", "bisenetv1_resnet18"): Renaming(
        network="bisenetv1_resnet18",
        rules=_COINCHEUNG_RULES,
        statistics=COINCHEUNG,
        options={
            "head_channels": 256,
            "auxiliary_channels": 64,
            "attention": "conv-norm",
            "upsampling": "nearest",
        },
    ),
    ("mmseg", "bisenetv1_resnet18"): _mmseg(18, 128, "cityscapes", "cocostuff"),
    ("mmseg", "bisenetv1_resnet50"): _mmseg(50, 512, "cityscapes", "cocostuff"),
    ("mmseg", "bisenetv1_resnet101"): _mmseg(101, 512, "cocostuff"),
}
