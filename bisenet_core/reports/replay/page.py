"""The report as one HTML file: no script, nothing fetched from elsewhere."""

import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bisenet_core.reports.parts.confusion import confusion
from bisenet_core.reports.parts.formats import clock, percent
from bisenet_core.reports.parts.page_file import templates, write_page
from bisenet_core.reports.replay.choice import RANKINGS
from bisenet_core.reports.replay.classes import class_rows
from bisenet_core.reports.replay.distribution_charts import (
    confidence_histogram,
    latency_histogram,
    reliability_diagram,
)
from bisenet_core.reports.replay.frame_table import FrameTable
from bisenet_core.reports.replay.headline import comparison, facts, figures, has_truth, why_no_truth
from bisenet_core.reports.replay.pictures import Picture
from bisenet_core.reports.replay.time_charts import (
    Timeline,
    accuracy_chart,
    flicker_chart,
    latency_chart,
)

FILE_NAME = "report.html"
_TEMPLATE = "template.html.j2"
_MOST_LINES = 200


def write_report(
    folder: Path, results: dict[str, Any], rows: Iterable[Mapping[str, Any]], pictures: list[Picture]
) -> Path:
    """Write ``folder``/report.html from results.json, the rows of frames.csv and ``take_pictures``.

    A row's ``bag`` is the name of a bag in ``results`` or its place there; values may be numbers or text.
    Returns the file's path. Raises InputError without jinja2, or where the folder cannot be written.
    """
    page = render(results, rows, pictures)
    return write_page(folder / FILE_NAME, page)


def render(results: dict[str, Any], rows: Iterable[Mapping[str, Any]], pictures: list[Picture]) -> str:
    """The page itself. Raises InputError without jinja2."""
    environment = templates(Path(__file__).parent)
    frames = FrameTable(rows, results["bags"])
    return environment.get_template(_TEMPLATE).render(
        results=results,
        command=shlex.join(map(str, results.get("command") or [])),
        truth=has_truth(results),
        why_no_truth=why_no_truth(results),
        figures=figures(results),
        facts=facts(results),
        comparison=comparison(results),
        classes=class_rows(results),
        matrix=confusion(results),
        left_out=(results.get("left_out") or [])[:_MOST_LINES],
        left_out_more=max(0, len(results.get("left_out") or []) - _MOST_LINES),
        **_charts(results, frames),
        **_pictures(results, frames, pictures),
    )


def _charts(results: dict[str, Any], frames: FrameTable) -> dict[str, Any]:
    """Every chart by its name in the template; None where there is nothing to draw."""
    names = ("accuracy_chart", "flicker_chart", "latency_chart", "latency_histogram")
    charts: dict[str, Any] = dict.fromkeys((*names, "reliability", "confidences"))
    if len(frames):
        timeline = Timeline.of(frames)
        drawn = (accuracy_chart(timeline), flicker_chart(timeline),
                 latency_chart(timeline, results["bags"]), latency_histogram(frames, results))
        charts.update(zip(names, drawn))
    bins = (results.get("calibration") or {}).get("bins")
    if bins:
        charts.update(reliability=reliability_diagram(bins), confidences=confidence_histogram(bins))
    return charts


def _pictures(results: dict[str, Any], frames: FrameTable, pictures: list[Picture]) -> dict[str, Any]:
    """Each group of pictures by its name in the template, with captions."""
    places = {key: place for place, key in enumerate(zip(frames.bag.tolist(), frames.index.tolist()))}
    columns = {name: frames.column(name) for name in RANKINGS}
    several = len(results["bags"]) > 1
    shown: dict[str, Any] = {"film": [], "best": [], "worst": []}
    for picture in pictures:
        place = places[picture.bag, picture.index]
        shown[picture.group].append({
            "panels": picture.panels,
            "bag": results["bags"][picture.bag]["name"] if several else "",
            "time": clock(float(frames.seconds[place]), 1),
            "index": picture.index,
            "scores": [(name, percent(float(columns[column][place]))) for column, name in RANKINGS.items()
                       if columns[column][place] == columns[column][place]],
        })
    return shown
