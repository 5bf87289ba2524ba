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

# inches: of a cell, a line of text, and the margin on the right
_CELL, _SMALL_CELL, _LINE, _MARGIN = 0.42, 0.13, 0.2, 0.3
_AXIS_TITLE = 0.45
# points
_FONT, _SMALL_FONT = 9.0, 5.5
_AS_WIDE_AS_BOLD = 10.0


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
    lines = _largest(shares, classes)
    side = max(len(classes) * (_SMALL_CELL if small else _CELL), 4.0)
    before = _AXIS_TITLE + _width(names, _SMALL_FONT if small else _FONT)
    below, above = _LINE * (len(lines) + 0.5), before + 2 * _LINE
    size = (max(before + side, _width([title], _AS_WIDE_AS_BOLD)) + _MARGIN, above + side + below)

    def draw(figure: Any) -> None:
        axes = figure.add_axes((before / size[0], below / size[1], side / size[0], side / size[1]))
        # by the square root of the share, so that a confusion of a few per cent is seen
        shades = np.sqrt(np.ma.masked_invalid(shares))
        axes.imshow(shades, cmap="Blues", vmin=0, vmax=1, interpolation="nearest")
        axes.set_facecolor(PALE)  # rows of absent classes
        _draw_names(axes, names, classes, _SMALL_FONT if small else _FONT)
        (_draw_fine_grid if small else _draw_numbers)(axes, shares)
        figure.text(0.1 / size[0], 1 - _LINE / size[1], title, size=_FONT, weight="bold", va="center")
        for line, text in enumerate(reversed(lines)):
            figure.text(0.1 / size[0], _LINE * (line + 0.5) / size[1], text, size=8, va="center")

    draw_files([path], size, draw, "--confusion")


def _width(names: Sequence[str], points: float) -> float:
    """Inches that the longest of ``names`` takes, about."""
    return 0.62 * points / 72 * max(map(len, names))


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
            text = _number(100 * share)
            axes.text(column, row, text, ha="center", va="center", size=7, color=color)


def _number(percent: float) -> str:
    return f"{percent:.0f}" if percent >= 9.95 else f"{percent:.1f}"
