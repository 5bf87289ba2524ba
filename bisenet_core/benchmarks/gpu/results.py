"""From the records of single sections to one report."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bisenet_core.benchmarks.gpu.plan import Step
from bisenet_core.benchmarks.gpu.section import DONE
from bisenet_core.benchmarks.gpu.settings import Settings
from bisenet_core.benchmarks.gpu.targets import judge

Record = dict[str, Any]
Summary = dict[tuple[str, str, str], Record]

#: What is no median of the rounds, but the worst of them.
_WORST: dict[str, Callable[[Sequence[float]], float]] = {"allocations": max, "equal_labels": min}

#: What a page that is published leaves out: folders of the machine, what only a repetition or a repair needs.
_OF_THE_MACHINE = ("kit", "work", "pythons")
_FOR_US = ("key", "traceback")


def report(records: Sequence[tuple[Step, Record]], settings: Settings, run: str) -> dict[str, Any]:
    """All of it: ``targets`` and their verdicts, ``summary`` over the rounds, each of the ``sections``."""
    summary = summarise(records)
    return {
        "run": run,
        "stand_in": settings.is_stand_in,
        "settings": {key: value for key, value in settings.to_json().items() if key not in _OF_THE_MACHINE},
        "machine": summary[("machine", "", "")],
        "targets": judge(summary, settings),
        "summary": [
            {"section": section, "subject": subject, "precision": precision, **content}
            for (section, subject, precision), content in summary.items()
        ],
        "sections": [
            {key: value for key, value in record.items() if key not in _FOR_US} for _, record in records
        ],
    }


def summarise(records: Sequence[tuple[Step, Record]]) -> Summary:
    """(section, subject, precision) -> ``measured`` over the rounds that were done, or a ``reason``.

    ``runs`` names the runs it comes from; ``rounds`` counts those done, ``incomplete`` the reasons of others.
    """
    rounds: dict[tuple[str, str, str], list[Record]] = {}
    for step, record in records:
        rounds.setdefault(step[:3], []).append(record)
    return {name: _over_rounds(found) for name, found in rounds.items()}


def _over_rounds(found: list[Record]) -> Record:
    done = [record for record in found if record["status"] == DONE]
    if not done:
        return {"status": found[0]["status"], "reason": found[0]["reason"]}
    measured = [record["measured"] for record in done]
    return {
        "status": DONE,
        "measured": merge(measured),
        "rounds": len(done),
        "runs": sorted({f"{record['host']} {record['run']}" for record in done}),
        "incomplete": [record["reason"] for record in found if record["status"] != DONE],
    }


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
