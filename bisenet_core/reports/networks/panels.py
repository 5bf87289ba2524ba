"""Panels of labelled points over a logarithmic axis, side by side in rows."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bisenet_core.reports.figures import COLOURS, GREY, PALE, write_figure
from bisenet_core.reports.networks.label_placement import place_labels

_MARKERS = {"bisenetv1": "s", "bisenetv2": "o", "stdc": "^"}
_PANEL_INCHES, _NOTE_INCHES = (4.5, 3.6), 0.2


@dataclass(frozen=True)
class Point:
    """``family`` is colour and marker. Points of one ``series`` are joined; those without stand out."""

    x: float
    y: float
    label: str
    family: str
    series: str | None


@dataclass(frozen=True)
class Panel:
    title: str
    x_label: str
    y_label: str
    points: tuple[Point, ...]


def write_panels(folder: Path, name: str, rows: list[list[Panel]], notes: list[str]) -> list[Path]:
    """Write ``folder``/``name`` as PNG and SVG: rows of equally many panels, lines of ``notes`` below."""
    panels = [panel for row in rows for panel in row]
    below = _NOTE_INCHES * (len(notes) + 0.5)
    width, height = _PANEL_INCHES[0] * len(rows[0]), _PANEL_INCHES[1] * len(rows) + below

    def draw(figure: Any) -> None:
        grid = figure.subplots(len(rows), len(rows[0]), squeeze=False).flat
        bottom = below / height
        figure.set_layout_engine("constrained", rect=(0, bottom, 1, 1 - bottom), w_pad=0.1, h_pad=0.1)
        for axes, panel in zip(grid, panels):
            _draw_panel(axes, panel)
        for line, note in enumerate(reversed(notes)):
            figure.text(0.012, _NOTE_INCHES * (line + 0.5) / height, note, size=7.5, color=GREY, va="center")
        figure.draw_without_rendering()  # settles where the panels are
        figure.set_layout_engine("none")
        for axes, panel in zip(figure.axes, panels):
            place_labels(axes, [(point.x, point.y, point.label, _look(point)) for point in panel.points])

    return write_figure(folder, name, (width, height), draw)


def _draw_panel(axes: Any, panel: Panel) -> None:
    axes.set_title(panel.title, loc="left", weight="bold", size=10)
    axes.set_xlabel(panel.x_label)
    axes.set_ylabel(panel.y_label)
    _draw_grid(axes)
    for series in {point.series: None for point in panel.points if point.series}:
        _draw_line(axes, [point for point in panel.points if point.series == series])
    for point in panel.points:
        colour = COLOURS[point.family]
        axes.scatter(
            point.x,
            point.y,
            s=44,
            marker=_MARKERS[point.family],
            facecolor=colour if point.series else "white",
            edgecolor=colour,
            linewidth=1.5,
            zorder=3,
        )


def _draw_grid(axes: Any) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.grid(color=PALE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.margins(0.14, 0.12)  # for the labels


def _draw_line(axes: Any, points: Iterable[Point]) -> None:
    ordered = sorted(points, key=lambda point: point.x)
    xs, ys = [point.x for point in ordered], [point.y for point in ordered]
    axes.plot(xs, ys, color=COLOURS[ordered[0].family], linewidth=1, alpha=0.45)


def _look(point: Point) -> dict[str, Any]:
    return {"size": 8, "color": COLOURS[point.family], "weight": "normal" if point.series else "bold"}
