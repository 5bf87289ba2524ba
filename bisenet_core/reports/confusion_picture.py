"""Draw the confusion matrix as a picture, readable from two classes to some hundred."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bisenet_core.errors import InputError
from bisenet_core.labels.metrics import ratio
from bisenet_core.reports.figures import GREY, INK, PALE, SUFFIXES, draw_files, require_matplotlib

#: More classes than this get cells without numbers.
NUMBERED = 25
#: Confusions that are listed below the matrix.
LISTED = 8

# of a cell, in inches, and of names, in points
_CELL, _SMALL_CELL = 0.42, 0.13
_FONT, _SMALL_FONT = 9.0, 5.5


def check_picture_file(path: Path) -> None:
    """Raise InputError for a suffix that cannot be drawn, or where matplotlib is missing."""
    if path.suffix not in SUFFIXES:
        raise InputError(f"cannot draw {path}; expected a file that ends in {' or '.join(SUFFIXES)}")
    require_matplotlib()


def draw_confusion(path: Path, counts: np.ndarray, classes: Sequence[str], title: str) -> None:
    """Write ``counts``, Cx(C+1) as ``ConfusionMatrix.counts``, to ``path`` (.png or .svg).

    Row by row: the share, in per cent, of the pixels of a true class that were labelled as each class. The
    largest confusions are listed below. Raises InputError where the file cannot be written.
    """
    check_picture_file(path)
    shares = ratio(counts, counts.sum(axis=1, keepdims=True))[:, : len(classes)]
    small = len(classes) > NUMBERED
    absent = np.isnan(shares).any(axis=1)
    names = [f"{name} (absent)" if gone else name for name, gone in zip(classes, absent)]
    side = max(len(classes) * (_SMALL_CELL if small else _CELL), 4.0)

    def draw(figure: Any) -> None:
        axes = figure.add_axes((0, 0, 1, 1))  # names, title and list lie around it: the file is cut to them
        # by the square root of the share, so that a confusion of a few per cent is seen
        shades = np.sqrt(np.ma.masked_invalid(shares))
        axes.imshow(shades, cmap="Blues", vmin=0, vmax=1, interpolation="nearest")
        axes.set_facecolor(PALE)  # rows of absent classes
        _draw_names(axes, names, classes, _SMALL_FONT if small else _FONT)
        (_draw_fine_grid if small else _draw_numbers)(axes, shares)
        axes.set_title(title, loc="left", size=_FONT, weight="bold", pad=12)
        axes.annotate("\n".join(_largest(shares, classes)), (0, 0), (0, -8), "axes fraction", "offset points",
                      size=8, va="top", linespacing=1.6)

    draw_files([path], (side, side), draw, "--confusion", bbox_inches="tight", pad_inches=0.15)


def _largest(shares: np.ndarray, classes: Sequence[str]) -> list[str]:
    """The confusions that take the largest shares of a true class, in words."""
    wrong = np.where(np.eye(len(classes), dtype=bool) | np.isnan(shares), 0.0, shares)
    order = np.argsort(-wrong, axis=None, kind="stable")[:LISTED]
    pairs = [(int(row), int(column)) for row, column in zip(*np.unravel_index(order, wrong.shape))]
    return [
        f"{100 * wrong[row, column]:.1f}% of {classes[row]} labelled {classes[column]}"
        for row, column in pairs
        if wrong[row, column] > 0
    ]


def _draw_names(axes: Any, rows: Sequence[str], columns: Sequence[str], points: float) -> None:
    axes.set_ylabel("true class")
    axes.set_xlabel("labelled as, in % of the true class", labelpad=8)
    axes.xaxis.set_label_position("top")
    axes.xaxis.tick_top()
    axes.set_xticks(range(len(columns)), columns, rotation=90, size=points, color=INK)
    axes.set_yticks(range(len(rows)), rows, size=points, color=INK)
    axes.tick_params(length=0)


def _draw_fine_grid(axes: Any, shares: np.ndarray) -> None:
    """A line after every tenth class, to follow a row or a column by."""
    for position in range(10, len(shares), 10):
        axes.axhline(position - 0.5, color=GREY, linewidth=0.4)
        axes.axvline(position - 0.5, color=GREY, linewidth=0.4)


def _draw_numbers(axes: Any, shares: np.ndarray) -> None:
    for (row, column), share in np.ndenumerate(shares):
        if share >= 0.0005:
            color = "white" if share > 0.45 else INK
            text = f"{100 * share:.{0 if share >= 0.0995 else 1}f}"
            axes.text(column, row, text, ha="center", va="center", size=7, color=color)
