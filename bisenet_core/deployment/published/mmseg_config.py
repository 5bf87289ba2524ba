"""Read how a network upsamples from the configuration that mmsegmentation keeps in a checkpoint."""

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from bisenet_core.errors import InputError
from bisenet_core.runtime.postprocessing import ALIGN_CORNERS, HALF_PIXEL


def upsampling_of(meta: Mapping[str, Any]) -> str | None:
    """How a checkpoint with these notes upsamples its logits, one of UPSAMPLINGS; None where it is not said.

    mmsegmentation notes its configuration as Python source, "config" up to version 0 and "cfg" since version
    1; it is parsed, not run. Raises InputError for a backbone that aligns corners inside the network, where
    none here does.
    """
    model = _model_of(meta.get("config") or meta.get("cfg"))
    if _flag(model, "backbone") and "BiSeNetV2" in ast.dump(model["backbone"]):
        raise InputError(
            "its configuration has a backbone with align_corners=True, which no network here computes; "
            "train it with align_corners=False"
        )
    aligned = _flag(model, "decode_head")
    return None if aligned is None else ALIGN_CORNERS if aligned else HALF_PIXEL


def _model_of(text: Any) -> dict[str, ast.expr]:
    """What the configuration's last ``model`` is made of, by name; nothing for a text that is none."""
    try:
        statements = ast.parse(text).body if isinstance(text, str) else []
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    found: dict[str, ast.expr] = {}
    for statement in statements:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "model":
            found = dict(_items(statement.value))
    return found


def _flag(model: Mapping[str, ast.expr], part: str) -> bool | None:
    """``align_corners`` of a part of the model; None where it is not said."""
    value = dict(_items(model.get(part))).get("align_corners")
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, bool) else None


def _items(node: ast.expr | None) -> Iterator[tuple[str, ast.expr]]:
    """Names and values of ``dict(name=value)`` or ``{"name": value}``."""
    if isinstance(node, ast.Call):
        yield from ((keyword.arg, keyword.value) for keyword in node.keywords if keyword.arg)
    elif isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values):
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                yield key.value, value
