"""EfficientViT-Seg as its authors name it."""

from bisenet_core.models.weights.renaming import IMAGENET, Renaming, Rule, conv_norm


def _conv(theirs: str, ours: str) -> tuple[Rule, ...]:
    return (*conv_norm(theirs, ours, norm="norm"), (rf"{theirs}\.conv\.bias", rf"{ours}.0.bias"))


def _bottleneck(theirs: str, ours: str) -> list[Rule]:
    parts = {"inverted_conv": "expand", "depth_conv": "depth", "point_conv": "shrink"}.items()
    return [rule for name, part in parts for rule in _conv(rf"{theirs}\.main\.{name}", f"{ours}.{part}")]


def _authors(network: str) -> Renaming:
    stem, block = r"backbone\.input_stem\.op_list", r"backbone\.stages\.(\d)\.op_list\.(\d)"
    attention = rf"{block}\.context_module\.main"
    ours = r"backbone.stages.\1.\2"
    rules = [
        *_conv(rf"{stem}\.0", "backbone.stem.down"),
        *(rule for count in range(1, 3) for rule in (
            *_conv(rf"{stem}\.{count}\.main\.depth_conv", f"backbone.stem.blocks.{count - 1}.0"),
            *_conv(rf"{stem}\.{count}\.main\.point_conv", f"backbone.stem.blocks.{count - 1}.1"))),
        *_bottleneck(rf"{block}\.local_module", f"{ours}.local"),
        *_bottleneck(block, ours),
        (rf"{attention}\.qkv\.conv\.weight", f"{ours}.attention.qkv.weight"),
        (rf"{attention}\.aggreg\.0\.(\d)\.weight", rf"{ours}.attention.gather.\3.weight"),
        *_conv(rf"{attention}\.proj", f"{ours}.attention.project"),
        # theirs begins with the deepest stage, ours with the first
        *(rule for number, there in enumerate((r"2", r"1\.op_list\.0", r"0\.op_list\.0"))
          for rule in _conv(rf"head\.input_ops\.{there}", f"inputs.{number}")),
        *_bottleneck(r"head\.middle\.op_list\.(\d)", r"decoder.\1"),
        *_conv(r"head\.output_ops\.0\.op_list\.(\d)", r"head.\1"),
    ]
    return Renaming(network, tuple(rules), {"cityscapes": IMAGENET})


RENAMINGS: dict[tuple[str, str], Renaming] = {
    ("efficientvit", name): _authors(name) for name in ("efficientvit_b0", "efficientvit_b1")
}
