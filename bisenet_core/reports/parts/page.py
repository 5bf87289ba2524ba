"""A report as one HTML file: no script, nothing fetched from elsewhere, written whole or not at all."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bisenet_core.errors import InputError, explain_os_errors
from bisenet_core.files import replacing
from bisenet_core.reports.parts.formats import FILTERS


@dataclass(frozen=True)
class Figure:
    """One figure at the head of a report: what it is, its value, what to know about it."""

    label: str
    value: str
    detail: str = ""


def render_page(folder: Path, template: str, **content: Any) -> str:
    """Fill ``folder``/``template``, which may use those that all reports share. InputError without jinja2."""
    try:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined
    except ModuleNotFoundError:
        raise InputError(
            "the report needs jinja2, which is not installed: pip install 'bisenet_ros[eval]'"
        ) from None
    # Names of bags, classes and topics come from outside: everything is escaped.
    environment = Environment(loader=FileSystemLoader([folder, Path(__file__).parent]), autoescape=True,
                              undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters.update(FILTERS)
    return environment.get_template(template).render(content)


def write_page(path: Path, page: str) -> Path:
    """Put ``page`` in the place of ``path`` and return that. Raises InputError where it cannot be written."""
    advice = "choose another --output or make room"
    with explain_os_errors(f"cannot write {path}", advice), replacing(path) as unfinished:
        unfinished.write_text(page, encoding="utf-8", errors="replace")  # a name may be no UTF-8
    return path
