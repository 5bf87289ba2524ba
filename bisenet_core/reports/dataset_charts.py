"""Draw what `bisenet evaluate` finds: the confusion matrix, and how a network bears corrupted images."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bisenet_core.errors import InputError
from bisenet_core.labels.metrics import ratio
from bisenet_core.reports.figures import (
    BLUE,
    GREEN,
    GREY,
    INK,
    PALE,
    PURPLE,
    RED,
    SUFFIXES,
    draw_files,
    require_matplotlib,
)

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


#: Of the kinds of corruption in their order; told apart with any colour vision too.
_COLOURS = (BLUE, GREEN, GREY, "#56b4e9", PURPLE, "#e69f00", RED)
_MARKERS = "osD^vPX"
_CHART_INCHES, _PANEL_INCHES = (8.2, 3.4), 1.6


def check_chart_folder(folder: Path) -> None:
    """Raise InputError for a file in the folder's place, or where matplotlib is missing."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; give --corruptions a folder for the chart")
    require_matplotlib()


def draw_robustness(folder: Path, robustness: dict[str, Any], title: str) -> None:
    """Write ``folder``/robustness.svg and .png: mIoU and ECE by strength, a line for each corruption.

    ``robustness`` is what ``evaluation.robustness.robustness`` gives. Raises InputError where that fails.
    """

    def draw(figure: Any) -> None:
        scores, errors = figure.subplots(1, 2)
        _draw_lines(scores, robustness, "miou", "mean IoU, %")
        _draw_lines(errors, robustness, "ece", "expected calibration error, %")
        figure.suptitle(title, size=9, weight="bold", x=0.02, ha="left")
        figure.legend(*scores.get_legend_handles_labels(), loc="center right", frameon=False)
        figure.subplots_adjust(left=0.07, right=0.84, bottom=0.15, top=0.88, wspace=0.22)

    draw_files([folder / "robustness.svg", folder / "robustness.png"], _CHART_INCHES, draw, "--corruptions")


def _draw_lines(axes: Any, robustness: dict[str, Any], key: str, label: str) -> None:
    for (kind, rows), colour, marker in zip(robustness["corrupted"].items(), _COLOURS, _MARKERS):
        values = [100 * row[key] for row in (robustness["clean"], *rows)]
        axes.plot(range(len(values)), values, color=colour, marker=marker, markersize=4, label=kind)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("strength (0: the image as it is)")
    axes.set_ylabel(label)
    axes.grid(axis="y", color=PALE, linewidth=0.5)


def draw_samples(
    folder: Path, image: np.ndarray, corrupt: Callable[[str, int], np.ndarray], robustness: dict[str, Any]
) -> None:
    """Write ``folder``/samples.png: ``image``, HxWx3 uint8 RGB, in a row for each corruption by strength.

    ``corrupt`` gives the image of a kind and strength. Raises InputError where the file cannot be written.
    """
    kinds, strengths = list(robustness["corrupted"]), len(next(iter(robustness["corrupted"].values())))
    size = (_PANEL_INCHES * (strengths + 1), _PANEL_INCHES * image.shape[0] / image.shape[1] * len(kinds))

    def draw(figure: Any) -> None:
        cells = figure.subplots(len(kinds), strengths + 1, gridspec_kw={"wspace": 0.02, "hspace": 0.02})
        for kind, row in zip(kinds, cells):
            for strength, axes in enumerate(row):
                axes.imshow(corrupt(kind, strength) if strength else image)
                axes.set(xticks=[], yticks=[])
                axes.spines[:].set_visible(False)
            row[0].set_ylabel(kind, color=INK)
        for strength, axes in enumerate(cells[0]):
            axes.set_title(str(strength), size=9)
        figure.subplots_adjust(left=0.03, right=1, bottom=0, top=0.97)

    draw_files([folder / "samples.png"], size, draw, "--corruptions")
