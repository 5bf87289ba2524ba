"""Figure: one number at the head of a report."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One figure of the head: what it is, its value, what to know about it."""

    label: str
    value: str
    detail: str = ""
