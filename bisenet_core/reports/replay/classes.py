"""Figures by class."""

from dataclasses import dataclass
from typing import Any

from bisenet_core.reports.parts.confusion import colours
from bisenet_core.reports.parts.formats import is_known


@dataclass(frozen=True)
class ClassRow:
    """One class; shares of 1, None where undefined."""

    name: str
    colour: str
    """As CSS."""
    iou: float | None
    boundary: float | None
    flicker: float | None
    teacher: float | None

    @property
    def seen(self) -> bool:
        """Whether anything is known of it."""
        return any(is_known(value) for value in (self.iou, self.boundary, self.flicker, self.teacher))


def class_rows(results: dict[str, Any]) -> list[ClassRow]:
    """Every class in the order of its id."""
    by_class = [
        results.get("iou") or {},
        (results.get("boundary") or {}).get("by_class") or {},
        (results.get("temporal") or {}).get("flicker") or {},
        (results.get("teacher") or {}).get("iou") or {},
    ]
    return [ClassRow(name, colour, *(values.get(name) for values in by_class))
            for name, colour in zip(results["classes"], colours(results))]
