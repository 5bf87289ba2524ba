"""A label space as plain values, as checkpoints keep it."""

from dataclasses import asdict
from typing import Any

from bisenet_core.labels.label_space import LabelSpace


def label_space_values(space: LabelSpace) -> dict[str, Any]:
    """name, classes, palette and ignore_id as text, lists and numbers."""
    values = asdict(space)
    return {**values, "classes": list(space.classes), "palette": [list(color) for color in space.palette]}


def label_space_from(values: dict[str, Any]) -> LabelSpace:
    """The inverse of ``label_space_values``. ``InputError`` where the parts do not fit together."""
    palette = tuple((red, green, blue) for red, green, blue in values["palette"])
    return LabelSpace(values["name"], tuple(values["classes"]), palette, values["ignore_id"])
