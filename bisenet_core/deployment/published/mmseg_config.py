"""Read the configuration that mmsegmentation keeps in a checkpoint: normalisation, colour order, upsampling.

It is Python source, "config" among the notes up to version 0 and "cfg" since version 1. It is parsed, never
run.
"""

import ast
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from bisenet_core.errors import InputError
from bisenet_core.runtime.postprocessing import ALIGN_CORNERS, HALF_PIXEL

Three = tuple[float, float, float]
Node = ast.expr | None


class Conventions(NamedTuple):
    """What a network expects of its image and how its logits are upsampled, as a ModelCard says it."""

    mean: Three
    std: Three
    color_order: str
    upsampling: str


def stated_conventions(meta: Mapping[str, Any], usual: Conventions) -> Conventions:
    """The conventions of a checkpoint with these notes: ``usual`` where they say nothing.

    Raises InputError for a backbone that aligns corners inside the network, where none here does, and for a
    normalisation by other than three numbers.
    """
    assigned = _assigned(meta.get("config") or meta.get("cfg"))
    model = dict(_items(assigned.get("model")))
    backbone = dict(_items(model.get("backbone")))
    if _value(backbone.get("align_corners")) is True and _value(backbone.get("type")) == "BiSeNetV2":
        raise InputError(
            "its configuration has a backbone with align_corners=True, which no network here computes; "
            "train it with align_corners=False"
        )
    preprocessor = model.get("data_preprocessor")
    if isinstance(preprocessor, ast.Name):
        preprocessor = assigned.get(preprocessor.id)
    newer, older = dict(_items(preprocessor)), dict(_items(assigned.get("img_norm_cfg")))
    if "mean" in newer or "std" in newer:
        usual = _normalised(usual, newer, _value(newer.get("bgr_to_rgb")) is True)
    elif older:
        usual = _normalised(usual, older, _value(older.get("to_rgb")) is not False)
    aligned = _value(dict(_items(model.get("decode_head"))).get("align_corners"))
    if isinstance(aligned, bool):
        usual = usual._replace(upsampling=ALIGN_CORNERS if aligned else HALF_PIXEL)
    return usual


def _normalised(usual: Conventions, said: Mapping[str, ast.expr], rgb: bool) -> Conventions:
    """``usual`` with the mean and std that are said, of values from 0 to 255 in the network's own order."""
    mean, std = (_three(key, _value(said.get(key))) for key in ("mean", "std"))
    if min(std) <= 0:
        raise InputError(f"its configuration divides images by std={list(std)}; expected numbers above 0")
    if not rgb:
        mean, std = mean[::-1], std[::-1]
    return usual._replace(mean=mean, std=std, color_order="rgb" if rgb else "bgr")


def _three(key: str, value: Any) -> Three:
    numbers = list(value) if isinstance(value, (list, tuple)) else []
    if len(numbers) != 3 or not all(isinstance(number, (int, float)) for number in numbers):
        raise InputError(f"its configuration normalises images by {key}={value}; expected three numbers")
    first, second, third = (round(number / 255, 6) for number in numbers)
    return first, second, third


def _assigned(text: Any) -> dict[str, ast.expr]:
    """What a configuration assigns to each name in the end; nothing for a text that is none."""
    try:
        statements = ast.parse(text).body if isinstance(text, str) else []
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    return {
        ast.unparse(statement.targets[0]): statement.value
        for statement in statements
        if isinstance(statement, ast.Assign)
    }


def _items(node: Node) -> Iterator[tuple[str, ast.expr]]:
    """Names and values of ``dict(name=value)`` or ``{"name": value}``."""
    if isinstance(node, ast.Call):
        yield from ((keyword.arg, keyword.value) for keyword in node.keywords if keyword.arg)
    elif isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values):
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                yield key.value, value


def _value(node: Node) -> Any:
    """A constant, or a list of some; None for anything else."""
    try:
        return None if node is None else ast.literal_eval(node)
    except (ValueError, TypeError, RecursionError, MemoryError):
        return None
