"""Show progress on stderr and tables on stdout, and write JSON to a file."""

import json
import logging
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from rich import box
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from bisenet_core.errors import explain_os_errors, printable
from bisenet_core.files import replacing

Item = TypeVar("Item")

_LOGGER = logging.getLogger(__name__)

#: Images that are named, of those that were left out.
NAMED_AT_MOST = 10

#: Characters in a line for a file or another program.
WIDE = 200


def progress_bar(count: ProgressColumn | None = None) -> Progress:
    """A bar with count and remaining time on stderr, gone when done, absent where stderr is no terminal.

    ``count``: the column that says how much is done, by default how many of how many things.
    """
    columns = (
        TextColumn("{task.description}", markup=False), BarColumn(), count or MofNCompleteColumn(),
        TimeRemainingColumn(), TextColumn("{task.fields[note]}", markup=False)
    )
    return Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())


def track(items: Iterable[Item], total: int, description: str) -> Iterator[Item]:
    """Yield ``items`` under a progress bar with the time that remains."""
    with progress_bar() as progress:
        task = progress.add_task(printable(description), total=total, note="")
        for item in items:
            yield item
            progress.advance(task)


def show_table(
    title: str, rows: Iterable[tuple[str, ...]], headings: tuple[str, ...] = ("", ""), caption: str = ""
) -> None:
    """Print a table on stdout, unfolded where that is no terminal, with a line for each thing.

    A row is what it is, and its values, to the right where ``headings`` name them.
    """
    console = Console()
    console = console if console.is_terminal else Console(width=WIDE)
    named = any(headings)
    # without vertical lines seven columns fit into 80 characters
    style = box.SIMPLE if named else box.HEAVY_HEAD
    content = Table(caption=Text(caption) if caption else None, caption_justify="left", show_header=named,
                    box=style)
    # Text, since rich takes brackets in a plain string, such as in a path, for markup.
    content.add_column(Text(printable(headings[0])), no_wrap=True)
    for heading in headings[1:]:
        content.add_column(Text(printable(heading)), justify="right" if named else "left", overflow="fold")
    for row in rows:
        content.add_row(*(Text(printable(cell)) for cell in row))
    # by itself: within the table it would be cut to the table's width, and it may hold a warning
    console.print(Text(printable(title), style="table.title"), soft_wrap=True)
    console.print(content)


def show_result(title: str, result: dict[str, Any], json: Path | None, **shown: Any) -> None:
    """Show a command's ``result``, a row for each key, and write it to the file ``json``, if any.

    ``shown``: keys that are shown with another value than is written. Raises as ``write_json`` does.
    """
    show_table(title, [(key, str(value)) for key, value in {**result, **shown}.items()])
    write_json(json, result)


def warn_left_out(lines: Sequence[str], total: int) -> None:
    """Log which of ``total`` images were left out and why: the first few, and how many more."""
    for line in lines[:NAMED_AT_MOST]:
        _LOGGER.warning("left out: %s", line)
    if len(lines) > NAMED_AT_MOST:
        _LOGGER.warning("left out: %d of %d images in all", len(lines), total)


def write_json(path: Path | None, content: dict[str, Any]) -> None:
    """Write ``content`` to ``path`` where one is given. Raises InputError where that is not possible."""
    path = json_file(path)
    if path is None:
        return
    text = json.dumps(content, indent=2) + "\n"
    with explain_os_errors(f"cannot write {path}", "name a file that can be written"):
        if _stays(path):
            path.write_text(text)
        else:
            with replacing(path) as unfinished:
                unfinished.write_text(text)


def _stays(path: Path) -> bool:
    """Whether ``path`` is written into: /dev/stdout, a link, and /dev/null must not be replaced."""
    return path.is_symlink() or (path.exists() and not path.is_file())


def json_file(path: Path | None) -> Path | None:
    """``path``, its folder made before the work whose result it shall hold. Raises as ``write_json``."""
    if path is not None:
        with explain_os_errors(f"cannot write {path}", "name a file that can be written"):
            path.parent.mkdir(parents=True, exist_ok=True)
            written = path if path.exists() and _stays(path) else path.parent
            if path.is_dir() or not os.access(written, os.W_OK):
                raise OSError("it is a folder, or lies in one without permission to write")
            if path.is_file() and not path.is_symlink():
                with path.open("rb") as file:
                    if file.read(1) not in (b"", b"{"):
                        raise OSError("it is a file of another kind, which would be lost")
    return path
