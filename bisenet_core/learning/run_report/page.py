"""The report of a run as one HTML file: no script, nothing fetched from elsewhere."""

import shlex
from pathlib import Path
from typing import Any

import yaml

from bisenet_core.errors import InputError
from bisenet_core.learning.run_report.curves import charts
from bisenet_core.learning.run_report.finished_run import FinishedRun, read_run
from bisenet_core.learning.run_report.headline import commit, facts, figures, state
from bisenet_core.learning.run_report.pictures import NO_PICTURES, load_task, take_pictures
from bisenet_core.reports.parts.classes import class_rows, class_table, confusion
from bisenet_core.reports.parts.page import render_page, write_page

FILE_NAME = "report.html"
_TEMPLATE = "report.html.j2"


def write_run_report(output: Path, root: Path | None = None) -> Path:
    """Write ``output``/report.html from what a run has left there, and return its path.

    Pictures need the data set, whose folder is ``root`` or the one that was trained on; the page says so
    where it is not found. ``InputError`` where ``output`` holds no run, or without jinja2.
    """
    run = read_run(output)
    page = render_page(
        Path(__file__).parent,
        _TEMPLATE,
        recipe=run.recipe,
        data_name=run.data_name,
        recipe_text=yaml.safe_dump(run.recipe.to_dict(), sort_keys=False, default_flow_style=None),
        figures=figures(run),
        facts=facts(run),
        state=state(run),
        scores=run.scores,
        checkpoint=run.checkpoint_name,
        charts=charts(run.rows, run.begins),
        starts=[(start, shlex.join(start.command), commit(start)) for start in run.starts],
        **_validation(run, root),
    )
    return write_page(output / FILE_NAME, page)


def _validation(run: FinishedRun, root: Path | None) -> dict[str, Any]:
    """What was seen in the best validation, by its name in the template."""
    found: dict[str, Any] = {"classes": None, "matrix": None, "pictures": NO_PICTURES, "no_pictures": ""}
    if run.scores is None:
        return found
    task = load_task(run)
    space = task.label_space
    ious = dict(zip(space.classes, run.scores.class_ious()))
    found["classes"] = class_table(class_rows(space.classes, space.palette, {"IoU": ious}), "IoU")
    found["matrix"] = confusion(space.classes, space.palette, run.scores.counts)
    try:
        root = root or Path(run.starts[-1].root if run.starts else "data")
        found["pictures"] = take_pictures(run, root, task)
    except InputError as error:
        found["no_pictures"] = str(error)
    return found
