"""Draw how a network bears corrupted images, and what these look like."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bisenet_core.errors import InputError
from bisenet_core.reports.figures import (
    BLUE,
    GREEN,
    GREY,
    INK,
    PALE,
    PURPLE,
    RED,
    draw_files,
    require_matplotlib,
)

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
