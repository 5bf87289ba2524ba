"""Rendering a report's template, and writing the page whole or not at all."""

from pathlib import Path
from typing import TYPE_CHECKING

from bisenet_core.errors import InputError
from bisenet_core.files import replacing
from bisenet_core.reports.parts.formats import FILTERS

if TYPE_CHECKING:
    from jinja2 import Environment


def templates(folder: Path) -> "Environment":
    """Templates in ``folder`` and those that all reports share. Raises InputError without jinja2."""
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
    return environment


def write_page(path: Path, page: str) -> Path:
    """Put ``page`` in the place of ``path`` and return that. Raises InputError where it cannot be written."""
    try:
        with replacing(path) as unfinished:
            unfinished.write_text(page, encoding="utf-8", errors="replace")  # a name may be no UTF-8
    except OSError as error:
        raise InputError(
            f"cannot write {path}: {error.strerror}; choose another --output or make room"
        ) from None
    return path
