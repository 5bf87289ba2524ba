"""Read tags of frames, such as their weather, from a CSV file, and put them into the rows of frames.csv."""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from math import inf
from pathlib import Path

import numpy as np

from bisenet_core.errors import InputError
from bisenet_core.evaluation.metrics.bands import BANDS
from bisenet_core.evaluation.replay.frame_rows import COLUMNS, Row

#: Columns that say which frames of the bag are meant, ends included, and what an empty cell means.
_RANGES = {"first_frame": 0.0, "last_frame": inf, "first_second": 0.0, "last_second": inf}
_MOST_VALUES = 100
_MOST_TOLD = 5


@dataclass(frozen=True)
class Tags:
    """What a CSV file of tags says: its columns of tags, and its lines, a text for each column, by number."""

    path: Path
    names: tuple[str, ...]
    lines: dict[int, dict[str, str]]

    def put_into(self, bags: Iterable[tuple[str, list[Row]]]) -> list[str]:
        """Add a key for each tag to the rows of bags, by the bag's name, "" where a frame has none.

        Of lines for one frame the last counts. Returns a line about bags and frames that do not exist.
        """
        bags, wrong = list(bags), []
        for row in (row for _, rows in bags for row in rows):
            row |= dict.fromkeys(self.names, "")
        for number, line in self.lines.items():
            tags = {name: line[name] for name in self.names if line[name]}
            chosen = [rows for name, rows in bags if line["bag"] == name or fnmatchcase(name, line["bag"])]
            missing = [_tag(rows, tags, _limits(line)) for rows in chosen]
            if all(missing):
                found = missing[0] if missing else "is no evaluated bag"
                wrong.append(f"line {number}: {line['bag']} {found}")
        more = "; ..." if len(wrong) > _MOST_TOLD else ""
        return [f"tags {self.path}: {'; '.join(wrong[:_MOST_TOLD])}{more}"] if wrong else []


def read_tags(path: Path) -> Tags:
    """Read a CSV file with the column ``bag``, those of ``_RANGES`` as wanted, and others, which are tags.

    Raises InputError, naming file and line, for anything else.
    """
    try:
        with open(path, newline="", encoding="utf-8-sig") as stream:
            reader = csv.reader(stream, strict=True)
            head = [cell.strip() for cell in next(reader, [])]
            names = _tag_names(head)
            numbered = ((reader.line_num, cells) for cells in reader if any(cells))
            lines = {number: _line(number, head, cells) for number, cells in numbered}
        for name in names:
            values = {line[name] for line in lines.values()} - {""}
            if not 0 < len(values) <= _MOST_VALUES:
                raise ValueError(f"{name} has {len(values)} values; expected 1 to {_MOST_VALUES}")
    except (OSError, ValueError, csv.Error) as error:
        raise InputError(f"tags {path}: {' '.join(str(error).split())}") from None
    return Tags(path, tuple(names), lines)


def _tag_names(head: Sequence[str]) -> list[str]:
    names = [name for name in head if name not in ("bag", *_RANGES)]
    if "bag" not in head or not names or "" in head or len(set(head)) < len(head):
        raise ValueError(f"its head is {','.join(head)[:80]}; expected bag and tags: bag,weather,place")
    taken = set(names) & {*COLUMNS, *BANDS}
    if taken:
        raise ValueError(f"{min(taken)} has a meaning already; give the tag another name")
    return names


def _line(number: int, head: Sequence[str], cells: Sequence[str]) -> dict[str, str]:
    line = dict(zip(head, map(str.strip, cells)))
    if len(cells) != len(head) or not line["bag"]:
        raise ValueError(f"line {number} has {len(cells)} cells; expected {len(head)}, the bag among them")
    try:
        first, last, start, end = _limits(line)
    except ValueError as error:
        raise ValueError(f"line {number}: {error}") from None
    if not (first <= last and start <= end):
        raise ValueError(f"line {number}: the range must end after it begins")
    return line


def _limits(line: dict[str, str]) -> list[float]:
    return [float(line.get(name) or default) for name, default in _RANGES.items()]


def _tag(rows: list[Row], tags: dict[str, str], limits: Sequence[float]) -> str:
    """Tag the frames of one bag within ``limits``, by ``_RANGES``; says what it has where not all exist."""
    first, last, start, end = limits
    index, times_ns = (np.array([row[key] for row in rows], np.int64) for key in ("index", "recorded_ns"))
    seconds = (times_ns - times_ns.min(initial=np.iinfo(np.int64).max)) / 1e9
    chosen = np.flatnonzero((index >= first) & (index <= last) & (seconds >= start) & (seconds <= end))
    for place in chosen:
        rows[place] |= tags
    exist = len(chosen) and (last == inf or last < len(rows))
    return "" if exist else f"has frames 0 to {len(rows) - 1}, 0 to {seconds.max(initial=0):.1f} s"
