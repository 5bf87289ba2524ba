"""From the records of single sections to one report: a JSON object, and Markdown tables for people."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from gpu.section import DONE, Settings, Step

Record = dict[str, Any]

#: What is no median of the rounds, but the worst of them.
_WORST: dict[str, Callable[[Sequence[float]], float]] = {"allocations": max, "equal_labels": min}

#: What a page that is published leaves out: folders of the machine.
_OF_THE_MACHINE = ("kit", "work", "pythons")

def report(records: Mapping[Step, Record], settings: Settings, run: str) -> Record:
    """``summary`` over the rounds of each section, and each of the ``sections`` itself."""
    rounds: dict[tuple[str, str, str], list[Record]] = {}
    for step, record in records.items():
        rounds.setdefault(step[:3], []).append(record)
    return {
        "run": run,
        "stand_in": settings.is_stand_in,
        "settings": {key: value for key, value in settings.to_json().items() if key not in _OF_THE_MACHINE},
        "summary": [
            {"section": section, "subject": subject, "precision": precision, **_over_rounds(found)}
            for (section, subject, precision), found in rounds.items()
        ],
        "sections": [
            {"step": list(step), **{key: value for key, value in record.items() if key != "traceback"}}
            for step, record in records.items()
        ],
    }


def _over_rounds(found: list[Record]) -> Record:
    """``measured`` over the ``rounds`` that were done and why others were not, or a ``reason``."""
    done = [record["measured"] for record in found if record["status"] == DONE]
    if not done:
        return {"status": found[0]["status"], "reason": found[0]["reason"]}
    incomplete = [record["reason"] for record in found if record["status"] != DONE]
    return {"status": DONE, "measured": merge(done), "rounds": len(done), "incomplete": incomplete}


def merge(values: Sequence[Any], key: str = "") -> Any:
    """Median of numbers, dictionaries key by key, of anything else the first."""
    first = values[0]
    if isinstance(first, dict):
        return {name: merge([value[name] for value in values], name) for name in first}
    if isinstance(first, (int, float)) and not isinstance(first, bool):
        if key in _WORST:
            return _WORST[key](values)
        return first if len(values) == 1 else round(float(np.median(values)), 4)
    return first


def markdown(content: Record, settings: Settings) -> str:
    """The whole page: what each section found, and the reason of each that found nothing."""
    warning = "**A trial of the check with a stand-in, not on a GPU: its figures say nothing about one.**\n\n"
    rows = [(row["section"], row["subject"], row["precision"].upper(), _figures(row["measured"]))
            for row in content["summary"] if row["status"] == DONE]
    return "\n\n".join([
        f"# gpu-check {content['run']}",
        (warning if content["stand_in"] else "") + "## Measured\n\nMilliseconds, where nothing else is said; "
        f"medians of {settings.rounds} rounds where sections take turns. Cameras' times are host to host.",
        _rows(("section", "network", "", "figures"), rows),
        "## Failed, or not measured",
        _rows(("section", "", "why"), _missing(content["summary"])),
    ]) + "\n"  # fmt: skip


def _missing(summary: Iterable[Record]) -> Iterator[tuple[str, ...]]:
    for row in summary:
        name = " ".join(filter(None, (row["section"], row["subject"], row["precision"])))
        if row["status"] != DONE:
            yield name, row["status"], row["reason"]
        for reason in row.get("incomplete", ()):
            yield name, "a round", reason


def _figures(measured: Any) -> str:
    """``1280x720 (wall ms (p50 1.2, p99 1.4)), ...`` of nested figures."""
    if isinstance(measured, dict):
        return ", ".join(
            f"{key.replace('_', ' ')} ({_figures(value)})" if isinstance(value, dict)
            else f"{key.replace('_', ' ')} {_figures(value)}" for key, value in measured.items()
        )  # fmt: skip
    return f"{measured:.5g}" if isinstance(measured, float) else str(measured)


def _rows(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join("| " + " | ".join(map(_clean, line)) + " |" for line in lines)


def _clean(text: str) -> str:
    return " ".join(text.replace("|", "/").split())
