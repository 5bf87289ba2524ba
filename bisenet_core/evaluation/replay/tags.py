"""Read tags of frames, such as their weather, from a CSV file, and put them into the rows of frames.csv."""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from math import inf, isnan
from pathlib import Path

import numpy as np

from bisenet_core.errors import InputError
from bisenet_core.evaluation.replay.frame_rows import COLUMNS, Row

#: Columns that say which frames of the bag are meant, ends included; all where they are empty or absent.
_RANGES = ("first_frame", "last_frame", "first_second", "last_second")
_MOST_VALUES = 100
_MOST_TOLD = 5


@dataclass(frozen=True)
class _Line:
    number: int
    bag: str
    limits: tuple[float, float, float, float]
    """By ``_RANGES``."""
    tags: dict[str, str]


@dataclass(frozen=True)
class Tags:
    """What a CSV file of tags says: its columns of tags, and which frames have them."""

    path: Path
    names: tuple[str, ...]
    lines: tuple[_Line, ...]

    def put_into(self, bags: Iterable[tuple[str, list[Row]]]) -> list[str]:
        """Add a key for each tag to the rows of bags, by the bag's name, "" where a frame has none.

        Of lines for one frame the last counts. Returns a line about bags and frames that do not exist.
        """
        bags, wrong = list(bags), []
        for row in (row for _, rows in bags for row in rows):
            row |= dict.fromkeys(self.names, "")
        for line in self.lines:
            chosen = [rows for name, rows in bags if line.bag == name or fnmatchcase(name, line.bag)]
            missing = [_tag(rows, line) for rows in chosen]
            if not chosen:
                wrong.append(f"line {line.number}: no bag is called {line.bag}")
            elif all(missing):
                wrong.append(f"line {line.number}: {line.bag} has {missing[0]}")
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
            lines = [_line(reader.line_num, head, cells) for cells in reader if any(map(str.strip, cells))]
        for name in names:
            values = {line.tags[name] for line in lines} - {""}
            if not 0 < len(values) <= _MOST_VALUES:
                raise ValueError(f"{name} has {len(values)} values; expected 1 to {_MOST_VALUES}")
    except (OSError, ValueError, csv.Error) as error:
        raise InputError(f"tags {path}: {' '.join(str(error).split())}") from None
    return Tags(path, tuple(names), tuple(lines))


def _tag_names(head: Sequence[str]) -> list[str]:
    names = [name for name in head if name not in ("bag", *_RANGES)]
    if "bag" not in head or not names or "" in head or len(set(head)) < len(head):
        raise ValueError(f"its head is {','.join(head)[:80]}; expected bag and tags: bag,weather,place")
    for name in names:
        if name in COLUMNS:
            raise ValueError(f"frames.csv has a column {name} already; give the tag another name")
    return names


def _line(number: int, head: Sequence[str], cells: Sequence[str]) -> _Line:
    of = dict(zip(head, map(str.strip, cells)))
    if len(cells) != len(head) or not of["bag"]:
        raise ValueError(f"line {number} has {len(cells)} cells; expected {len(head)}, the bag among them")
    first, last, start, end = (_limit(number, of.pop(name, ""), name) for name in _RANGES)
    if first > last or start > end:
        raise ValueError(f"line {number}: the range ends before it begins")
    return _Line(number, of.pop("bag"), (first, last, start, end), of)


def _limit(number: int, text: str, name: str) -> float:
    try:
        value = float(text) if text else inf if name.startswith("last") else -inf
    except ValueError:
        value = float("nan")
    if isnan(value):
        raise ValueError(f"line {number}: {name} is {text}; expected a number")
    return value


def _tag(rows: list[Row], line: _Line) -> str:
    """Tag the frames of one bag that the line names; returns which it has instead, or "" where all exist."""
    first, last, start, end = line.limits
    index, recorded_ns = (np.array([row[key] for row in rows], np.int64) for key in ("index", "recorded_ns"))
    seconds = (recorded_ns - recorded_ns.min(initial=np.iinfo(np.int64).max)) / 1e9
    chosen = (index >= first) & (index <= last) & (seconds >= start) & (seconds <= end)
    for place in np.flatnonzero(chosen):
        rows[place] |= {name: value for name, value in line.tags.items() if value}
    if chosen.any() and (np.isinf(last) or last <= index.max()):
        return ""
    return f"frames 0 to {len(rows) - 1}, 0 to {seconds.max(initial=0):.1f} s"
