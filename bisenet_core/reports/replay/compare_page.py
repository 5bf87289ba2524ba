"""The frames in which two evaluations differ most, as one HTML file: no script, nothing fetched."""

from pathlib import Path
from typing import Any

from bisenet_core.reports.parts.page_file import templates, write_page
from bisenet_core.reports.replay.classes import ClassRow

FILE_NAME = "compare.html"
_TEMPLATE = "compare.html.j2"

#: Captions and pictures as data URIs.
Panels = list[tuple[str, str]]


def write_compare_page(
    folder: Path, result: dict[str, Any], frames: list[tuple[dict[str, Any], Panels]], legend: list[ClassRow]
) -> Path:
    """Write ``folder``/compare.html: frames of ``most_different`` of ``compare``'s result with their panels.

    ``legend``: rows with a class's ``name`` and ``colour``. Returns the file's path. Raises InputError
    without jinja2, or where it cannot be written.
    """
    template = templates(Path(__file__).parent).get_template(_TEMPLATE)
    page = template.render(result=result, frames=frames, legend=legend)
    return write_page(folder / FILE_NAME, page)
