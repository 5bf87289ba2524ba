"""The frames in which two evaluations differ most, as one HTML file: no script, nothing fetched."""

from pathlib import Path
from typing import Any

from bisenet_core.errors import InputError
from bisenet_core.evaluation.replay.report.classes import ClassRow
from bisenet_core.evaluation.replay.report.page import templates

FILE_NAME = "compare.html"
_TEMPLATE = "compare.html.j2"

#: Captions and pictures as data URIs.
Panels = list[tuple[str, str]]


def write_page(
    folder: Path, result: dict[str, Any], frames: list[tuple[dict[str, Any], Panels]], legend: list[ClassRow]
) -> Path:
    """Write ``folder``/compare.html: frames of ``most_different`` of ``compare``'s result with their panels.

    ``legend``: rows with a class's ``name`` and ``colour``. Returns the file's path. Raises InputError
    without jinja2, or where it cannot be written.
    """
    page = templates().get_template(_TEMPLATE).render(result=result, frames=frames, legend=legend)
    path = folder / FILE_NAME
    try:
        path.write_text(page, encoding="utf-8", errors="replace")  # a name may be no UTF-8
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from None
    return path
