"""The confusion matrix as a heat map."""

from dataclasses import dataclass
from typing import Any

import numpy as np

#: A matrix of more classes cannot be read; the most frequent are shown.
MOST_IN_MATRIX = 24


@dataclass(frozen=True)
class Cell:
    """Share of a true class's pixels; ``depth`` is the opacity of its shade, 0..1."""

    share: float
    depth: float


@dataclass(frozen=True)
class MatrixRow:
    """A true class: its share of all scored pixels, and a cell for each predicted class."""

    name: str
    colour: str
    share: float
    right: int
    """Column of the right answers."""
    cells: list[Cell]


@dataclass(frozen=True)
class Matrix:
    """The confusion matrix, row by row of the true classes."""

    columns: list[str]
    rows: list[MatrixRow]
    hidden: int
    """Classes that occur but are not shown."""


def colours(results: dict[str, Any]) -> list[str]:
    """The palette as CSS colours."""
    return ["#{:02x}{:02x}{:02x}".format(*map(int, colour)) for colour in results["palette"]]


def confusion(results: dict[str, Any]) -> Matrix | None:
    """Row-normalised matrix of the classes in the ground truth; None where there is none.

    Its last column, pixels predicted to be no class, appears where there are such pixels; so does one for
    all classes that are not shown.
    """
    counts = np.array(results.get("confusion_matrix") or [], np.int64)
    if counts.size == 0 or counts.sum() == 0:
        return None
    true, classes = counts.sum(axis=1), len(counts)
    occurring = np.flatnonzero((true + counts[:, :classes].sum(axis=0)) > 0)
    shown = np.sort(occurring[np.argsort(-true[occurring], kind="stable")][:MOST_IN_MATRIX])
    columns = [results["classes"][i] for i in shown]
    shares = counts[:, shown] / np.maximum(true, 1)[:, None]
    for name, rest in (("no class", counts[:, classes:].sum(axis=1)),
                       ("others", np.delete(counts[:, :classes], shown, axis=1).sum(axis=1))):
        if rest[shown].any():
            columns.append(name)
            shares = np.column_stack([shares, rest / np.maximum(true, 1)])
    palette = colours(results)
    weight = true / true.sum() if true.any() else true
    rows = [MatrixRow(results["classes"][i], palette[i], float(weight[i]), place, _cells(shares[i]))
            for place, i in enumerate(shown) if true[i]]
    return Matrix(columns, rows, len(occurring) - len(shown))


def _cells(shares: np.ndarray) -> list[Cell]:
    # The root makes small confusions visible beside the diagonal.
    return [Cell(float(share), round(float(share) ** 0.6, 3)) for share in shares]
