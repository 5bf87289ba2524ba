"""judge says of each requirement whether an evaluation meets it; write_junit tells a CI system."""

from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from bisenet_core.errors import EvaluationError, InputError, explain_os_errors, printable, suggest
from bisenet_core.evaluation.metrics.bands import BANDS
from bisenet_core.evaluation.metrics.bootstrap import draws, interval
from bisenet_core.evaluation.replay.compare import paired_frames
from bisenet_core.evaluation.replay.evaluated_drive import EvaluatedDrive
from bisenet_core.evaluation.replay.frame_rows import Row
from bisenet_core.evaluation.replay.measures import figure_of, measure
from bisenet_core.evaluation.replay.requirements import AT_MOST, WORSE, Group, Requirement, Requirements
from bisenet_core.files import replacing
from bisenet_core.reports.replay.figure_names import FIGURES

MET, MISSED, NOT_JUDGED = "met", "missed", "not judged"

JUNIT = "requirements.xml"

#: A figure's values by name: R x 1 or R x (1 + C), of all frames or, R many, of drawn ones.
_Values = dict[str, np.ndarray]


def judge(
    requirements: Requirements, drive: EvaluatedDrive, rows: Sequence[Row] = (), lost: Iterable[str] = ()
) -> list[dict[str, Any]]:
    """``requirements`` of results.json: a verdict for each, {group, requirement, verdict, found, figure,
    class, value, low, high, limit}; of one that cannot be judged ``found`` says why.

    ``rows``: those of frames.csv, which have the tags of groups. ``lost``: lines about what was to be
    evaluated and could not be read, each of which is a verdict, too."""
    verdicts = [_not_judged({"group": "all", "requirement": "every bag is read", "figure": None,
                             "class": None, "limit": None}, line) for line in lost]
    for group in requirements.groups:
        figures = _figures_of(group, drive, rows, requirements.against)
        verdicts += [
            {"group": group.name, **_verdict(one, drive.classes, figures)} for one in group.requirements
        ]
    return verdicts


def refuse_missed(verdicts: list[dict[str, Any]], problems: Sequence[str] = ()) -> None:
    """Raise InputError where a requirement could not be judged or there are ``problems`` with the reference,
    else EvaluationError where one was missed."""
    lines = {kind: [f"{one['group']}: {one['found']}" for one in verdicts if one["verdict"] == kind]
             for kind in (NOT_JUDGED, MISSED)}
    words = {NOT_JUDGED: "could not be judged", MISSED: "missed"}
    said = [f"{len(of)} of {len(verdicts)} requirements {words[kind]}: {'; '.join(of)}"
            for kind, of in lines.items() if of]
    if said or problems:
        kind = InputError if lines[NOT_JUDGED] or problems else EvaluationError
        raise kind("; ".join([*problems, *said]))


def write_junit(path: Path, verdicts: Iterable[dict[str, Any]]) -> None:
    """Write the verdicts as JUnit XML. Raises InputError where the file cannot be written."""
    suite, counts = ElementTree.Element("testsuite", name="bisenet replay"), {"failure": 0, "error": 0}
    for one in verdicts:
        case = ElementTree.SubElement(suite, "testcase", classname=printable(one["group"]),
                                      name=printable(one["requirement"]))
        if one["verdict"] == MET:
            ElementTree.SubElement(case, "system-out").text = printable(one["found"])
            continue
        kind = "failure" if one["verdict"] == MISSED else "error"
        ElementTree.SubElement(case, kind, message=printable(one["found"]))
        counts[kind] += 1
    suite.attrib.update(tests=str(len(suite)), failures=str(counts["failure"]), errors=str(counts["error"]))
    with explain_os_errors(f"cannot write {path}"), replacing(path) as unfinished:
        ElementTree.ElementTree(suite).write(str(unfinished), encoding="utf-8", xml_declaration=True)


def _figures_of(
    group: Group, drive: EvaluatedDrive, rows: Sequence[Row], against: Path | None
) -> Callable[[str, bool], _Values]:
    """A function of a requirement's kind: the figures, or for ``WORSE`` gains, of all frames of a group or of
    drawn ones. It raises InputError where the group has no frames, or none that ``against`` has too."""
    band = next((tag for tag in group.tags if tag[0] in BANDS), None)

    @cache
    def measured(gains: bool, drawn: bool) -> _Values:
        frames, before = _frames(group, drive, rows), None
        if gains and against:
            before, frames = _paired(EvaluatedDrive.load(against), frames)
        if band:
            frames, before = _within(frames, band), before if before is None else _within(before, band)
        counted = draws(frames.bag, frames.stamp_ns) if drawn else None
        found = measure(frames, counted)
        if before is None:
            whole = not drawn and not band and len(frames) == len(drive)
            return {name: figure_of(frames, found, name)[None] for name in FIGURES} if whole else found
        other = measure(before, counted)
        return {name: (found[name] - other[name]) * (1 if FIGURES[name].larger_is_better else -1)
                for name in found if name in other}

    return lambda kind, drawn: measured(kind == WORSE, drawn)


def _paired(before: EvaluatedDrive, frames: EvaluatedDrive) -> tuple[EvaluatedDrive, EvaluatedDrive]:
    pair = paired_frames(before, frames)
    if len(pair[1]) < len(frames):
        raise InputError(f"{before.path} has only {len(pair[1])} of these {len(frames)} frames; evaluate the "
                         "same bags for it, or name those that both have in a group")
    return pair


def _frames(group: Group, drive: EvaluatedDrive, rows: Sequence[Row]) -> EvaluatedDrive:
    named = [{name for name in drive.bags if name == one or fnmatchcase(name, one)}
             for one in group.bags or ("*",)]
    if not all(named):
        absent = (group.bags or ("*",))[named.index(set())]
        raise InputError(f"no bag is called {absent}; evaluated: {', '.join(drive.bags)}")
    chosen = np.array([name in set.union(*named) for name in drive.bags], bool)[drive.bag]
    tags = [tag for tag in group.tags if tag[0] not in BANDS]
    if tags:
        chosen &= [all(row.get(tag) == value for tag, value in tags) for row in rows]
        if not chosen.any():
            raise InputError(f"none of these frames has {', '.join(map(' '.join, tags))}")
    return drive.take(chosen)


def _within(drive: EvaluatedDrive, band: tuple[str, str]) -> EvaluatedDrive:
    bands = drive.bands()
    if band not in bands:
        raise InputError(f"{drive.path} has nothing of {' '.join(band)}, or it was not asked for")
    return bands[band]


def _verdict(one: Requirement, classes: list[str], figures: Callable[[str, bool], _Values]) -> dict[str, Any]:
    about = {"requirement": one.text, "figure": one.figure, "class": one.class_name, "limit": one.limit}
    try:
        low = high = value = float(_column(one, classes, figures(one.kind, False))[0])
        if one.level:
            low, high = interval(_column(one, classes, figures(one.kind, True)), one.level)
    except InputError as error:
        return _not_judged(about, f"{one.text}: {error}")
    kept = high <= one.limit if one.kind == AT_MOST else low >= one.limit * (-1 if one.kind == WORSE else 1)
    return {**about, "verdict": MET if kept else MISSED, "found": _found(one, value, low, high),
            "value": value, "low": low if one.level else None, "high": high if one.level else None}


def _not_judged(about: dict[str, Any], why: str) -> dict[str, Any]:
    return {**about, "verdict": NOT_JUDGED, "found": why, "value": None, "low": None, "high": None}


def _column(one: Requirement, classes: list[str], values: _Values) -> np.ndarray:
    """A requirement's figure, R, as often as there are rows. Raises InputError where it is unknown."""
    if one.class_name is not None and one.class_name not in classes:
        raise InputError(f"there is no class {one.class_name}: {suggest(one.class_name, classes)}")
    if one.figure not in values:
        raise InputError("it has no interval, or was not measured of these frames")
    columns = values[one.figure]
    place = 0 if one.class_name is None else 1 + classes.index(one.class_name)
    if place >= columns.shape[1] or (place == 0 and np.isnan(columns[:, 0]).all()):
        raise InputError("it was not measured" if len(columns) else "too few frames for an interval")
    if np.isnan(columns[:, place]).all():
        raise InputError("the class does not occur, or was not counted")
    return columns[:, place]


def _found(one: Requirement, value: float, low: float, high: float) -> str:
    """Such as "IoU of Car is 47.3 %, 95% interval 44.1 % to 50.2 %; required: at least 50 %"."""
    value_text, low_text, high_text = (_text(one, each) for each in (value, low, high))
    sure = f", {100 * one.level:g}% interval {low_text} to {high_text}" if one.level else ""
    return f"{FIGURES[one.figure].called(one.class_name)} is {value_text}{sure}; required: {one.limit_text}"


def _text(one: Requirement, value: float) -> str:
    if one.kind != WORSE:
        return FIGURES[one.figure].text(value, 2)
    return f"{FIGURES[one.figure].distance(abs(value))} {'better' if value >= 0 else 'worse'}"
