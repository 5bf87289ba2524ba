"""The pages of a replay evaluation: its report, and the frames in which two evaluations differ most."""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bisenet_core.reports.parts.classes import ClassTable, class_rows, class_table, confusion
from bisenet_core.reports.parts.page import render_page, write_page
from bisenet_core.reports.parts.panels import Panels
from bisenet_core.reports.replay.charts import (
    accuracy_chart,
    confidence_histogram,
    flicker_chart,
    latency_chart,
    latency_histogram,
    reliability_diagram,
)
from bisenet_core.reports.replay.comparison import HEADINGS, figure_rows, part_tables
from bisenet_core.reports.replay.frame_table import FrameTable
from bisenet_core.reports.replay.headline import (
    comparison,
    facts,
    figures,
    has_truth,
    requirements_met,
    slice_tables,
    stages,
    why_no_truth,
)
from bisenet_core.reports.replay.pictures import Picture

_FOLDER = Path(__file__).parent
_MOST_LINES = 200


def write_report(
    folder: Path, results: dict[str, Any], rows: Iterable[Mapping[str, Any]], pictures: list[Picture],
    changed: Sequence[tuple[str, Panels]] = (),
) -> Path:
    """Write ``folder``/report.html from results.json, the rows of frames.csv and ``take_pictures``.

    ``changed``: titles and pictures of what differs from a reference. Returns the file's path. Raises
    InputError without jinja2, or where the folder cannot be written.
    """
    return write_page(folder / "report.html", render(results, rows, pictures, changed))


def write_compare_page(
    folder: Path, result: dict[str, Any], frames: list[tuple[dict[str, Any], Panels]], a: dict[str, Any]
) -> Path:
    """Write ``folder``/compare.html of ``compare``'s result: frames of ``most_different`` with their panels.

    ``a``: the results.json of the first evaluation, whose classes are explained. Returns the file's path.
    Raises InputError without jinja2, or where it cannot be written.
    """
    legend = class_rows(a["classes"], a.get("palette") or [])
    page = render_page(_FOLDER, "compare.html.j2", result=result, frames=frames, legend=legend,
                       headings=HEADINGS, rows=list(figure_rows(result)), by_part=part_tables(result))
    return write_page(folder / "compare.html", page)


def render(
    results: dict[str, Any], rows: Iterable[Mapping[str, Any]], pictures: list[Picture],
    changed: Sequence[tuple[str, Panels]] = (),
) -> str:
    """The report itself. Raises InputError without jinja2."""
    frames, table = FrameTable(rows, results["bags"]), _class_table(results)
    classes, palette = results["classes"], results["palette"]
    left_out, bins = results.get("left_out") or [], (results.get("calibration") or {}).get("bins")
    return render_page(
        _FOLDER,
        "report.html.j2",
        results=results,
        command=shlex.join(map(str, results.get("command") or [])),
        truth=has_truth(results),
        requirements_met=requirements_met(results.get("requirements") or []),
        why_no_truth=why_no_truth(results),
        figures=figures(results),
        facts=facts(results),
        stages=stages(results),
        comparison=comparison(results),
        classes=table,
        legend=table.rows or class_rows(classes, palette),
        matrix=confusion(classes, palette, results.get("confusion_matrix")),
        changed=changed,
        slice_tables=slice_tables(results.get("slices")),
        left_out=left_out[:_MOST_LINES],
        left_out_more=max(0, len(left_out) - _MOST_LINES),
        accuracy_chart=accuracy_chart(frames),
        flicker_chart=flicker_chart(frames),
        latency_chart=latency_chart(frames, results["bags"]),
        latency_histogram=latency_histogram(frames, results["bags"]),
        reliability=reliability_diagram(bins) if bins else None,
        confidences=confidence_histogram(bins) if bins else None,
        **{name: [one for one in pictures if one.group == name] for name in ("film", "best", "worst")},
    )


def _class_table(results: dict[str, Any]) -> ClassTable:
    """What was measured of each class; the bars show the most telling column."""
    columns: dict[str, dict[str, float | None]] = {}
    if has_truth(results):
        columns["IoU"] = results.get("iou") or {}
        columns["Boundary score"] = (results.get("boundary") or {}).get("by_class") or {}
    if results.get("teacher"):
        columns["Teacher"] = results["teacher"].get("iou") or {}
    if results.get("temporal") or not columns:
        columns["Flicker"] = (results.get("temporal") or {}).get("flicker") or {}
    rows, bar = class_rows(results["classes"], results["palette"], columns), next(iter(columns))
    return class_table(rows, bar, relative=bar == "Flicker")
