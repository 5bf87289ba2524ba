"""Figures by class: the table of scores with bars, and the confusion matrix as a heat map."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from bisenet_core.reports.parts.formats import is_known

#: A matrix of more classes cannot be read; the most frequent are shown.
MOST_IN_MATRIX = 24


@dataclass(frozen=True)
class ClassRow:
    """A class, its colour as CSS, and shares of 1 by the heading of their column, None where undefined."""

    name: str
    colour: str
    shares: dict[str, float | None]


@dataclass(frozen=True)
class ClassTable:
    """Rows of the classes of which anything is known; the bar of a row shows column ``bar`` up to ``top``."""

    headings: list[str]
    rows: list[ClassRow]
    unknown: list[str]
    """Names of the others."""
    bar: str
    top: float


def class_rows(
    classes: Sequence[str], palette: Sequence[Sequence[int]],
    columns: Mapping[str, Mapping[str, float | None]] = MappingProxyType({}),
) -> list[ClassRow]:
    """Every class in the order of its id. ``columns``: heading to shares of 1 by class."""
    return [ClassRow(name, colour, {heading: shares.get(name) for heading, shares in columns.items()})
            for name, colour in zip(classes, css_colours(palette))]


def class_table(rows: Sequence[ClassRow], bar: str, relative: bool = False) -> ClassTable:
    """The table of ``rows``; where bars are ``relative``, the longest has the whole width."""
    known = [row for row in rows if any(map(is_known, row.shares.values()))]
    unknown = [row.name for row in rows if not any(map(is_known, row.shares.values()))]
    longest = max((row.shares[bar] or 0.0 for row in known), default=0.0)
    headings = list(rows[0].shares) if rows else []
    return ClassTable(headings, known, unknown, bar, max(longest, 0.01) if relative else 1.0)


def css_colours(palette: Sequence[Sequence[int]]) -> list[str]:
    """Colours of 0..255 for red, green and blue as CSS."""
    return ["#{:02x}{:02x}{:02x}".format(*map(int, colour)) for colour in palette]


@dataclass(frozen=True)
class Matrix:
    """The confusion matrix, row by row of the true classes.

    A row has ``name`` and ``colour``, the class's ``share`` of all scored pixels, the column of the ``right``
    answers, and ``cells``: the ``share`` of the class's pixels, and the ``depth`` of its shade, 0..1.
    """

    columns: list[str]
    rows: list[dict[str, Any]]
    hidden: int
    """Classes that occur but are not shown."""


def confusion(classes: Sequence[str], palette: Sequence[Sequence[int]], matrix: Any) -> Matrix | None:
    """Row-normalised ``matrix``, Cx(C+1) pixels, of the classes in the ground truth; None where it is empty.

    Its last column, pixels predicted to be no class, appears where there are such pixels; so does one for
    all classes that are not shown.
    """
    counts = np.array(matrix if matrix is not None else [], np.int64)
    if counts.sum() == 0:
        return None
    true, known = counts.sum(axis=1), counts[:, : len(counts)]
    occurring = np.flatnonzero((true + known.sum(axis=0)) > 0)
    shown = np.sort(occurring[np.argsort(-true[occurring], kind="stable")][:MOST_IN_MATRIX])
    columns, pixels = [classes[i] for i in shown], counts[:, shown]
    for name, rest in (("no class", counts[:, len(counts) :]), ("others", np.delete(known, shown, axis=1))):
        if rest[shown].any():
            columns.append(name)
            pixels = np.column_stack([pixels, rest.sum(axis=1)])
    shares = pixels / np.maximum(true, 1)[:, None]
    colours = css_colours(palette)
    rows = [{"name": classes[i], "colour": colours[i], "share": float(true[i] / true.sum()), "right": place,
             # the root makes small confusions visible beside the diagonal
             "cells": [{"share": share, "depth": round(share**0.6, 3)} for share in shares[i].tolist()]}
            for place, i in enumerate(shown) if true[i]]
    return Matrix(columns, rows, len(occurring) - len(shown))
