"""Write the results of an evaluation: results.json, frames.csv and frames.npz."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bisenet_core.errors import explain_os_errors
from bisenet_core.evaluation.metrics import mailbox_simulation
from bisenet_core.evaluation.metrics.mailbox_simulation import LABELLED, Driven
from bisenet_core.evaluation.replay.evaluated_bag import EvaluatedBag
from bisenet_core.evaluation.replay.evaluated_drive import FRAMES_NPZ, RESULTS, write_npz
from bisenet_core.evaluation.replay.frame_result import STAGES
from bisenet_core.evaluation.replay.frame_rows import Row, write_csv
from bisenet_core.evaluation.replay.slices import WHOLE, Slice, compare_slices
from bisenet_core.evaluation.replay.totals import Totals
from bisenet_core.files import replacing
from bisenet_core.labels.label_space import LabelSpace
from bisenet_core.reports.percentiles import spread
from bisenet_core.reports.replay.figure_names import FIGURES

FRAMES_CSV = "frames.csv"


def write_results(
    output: Path, about: dict[str, Any], bags: list[EvaluatedBag], space: LabelSpace, left_out: list[str],
    tags: Sequence[str] = (),
) -> dict[str, Any]:
    """Write frames.csv and frames.npz into ``output``, and return what results.json shall hold.

    ``about``: the entries that say what was evaluated and how, ``teacher`` the name of one or None among
    them. ``left_out``: lines of what was left out before any frame. ``tags``: keys of rows. A file
    is replaced when the new one is whole. Raises InputError where that is not possible.
    """
    with explain_os_errors(f"cannot write into {output}", "make room, and add --resume to go on"):
        with replacing(output / FRAMES_CSV, shared=True) as path:
            write_csv(path, (row for bag in bags for row in bag.rows), tags)
        with replacing(output / FRAMES_NPZ, shared=True) as path:
            write_npz(path, bags, space.num_classes)
    return _results(about, bags, space, left_out, tags)


def save_results(output: Path, results: dict[str, Any]) -> None:
    """Write ``output``/results.json. Raises InputError where that is not possible."""
    explained = explain_os_errors(f"cannot write into {output}", "make room, and add --resume to go on")
    with explained, replacing(output / RESULTS, shared=True) as path:
        path.write_text(json.dumps(results, indent=2) + "\n")


def _results(
    about: dict[str, Any], bags: list[EvaluatedBag], space: LabelSpace, left_out: list[str],
    tags: Sequence[str],
) -> dict[str, Any]:
    rows = [row for bag in bags for row in bag.rows]
    entries = [bag.as_json() for bag in bags]
    by = (["bag"] if len(bags) > 1 else []) + [*tags]
    every, stages = _totals(bags, space, by), _stages_ms(rows)
    totals = every[WHOLE]
    as_driven = mailbox_simulation.summary([Driven(row["driven"], row["age_ms"]) for row in rows])
    labelled = sum(entry["evaluated"] for entry in entries)
    results = {
        "schema": 1,
        **about,
        "bags": entries,
        **_speed(bags, labelled),
        "frames_lost": len(rows) - labelled,
        "scored": sum(entry["scored"] for entry in entries),
        **totals.scores(),
        **totals.other_metrics(about["teacher"]),
        "latency_ms": stages.get("segment"),
        "stages_ms": stages,
        "as_driven": {**as_driven, **totals.scores_as_driven()},
        "left_out": left_out + [line for bag in bags for line in bag.problems()],
    }
    if by:
        results["slices"] = compare_slices(every, about["teacher"])
    return {**results, "figures": {name: FIGURES[name].of(results) for name in FIGURES if FIGURES[name].keys}}


def _totals(bags: list[EvaluatedBag], space: LabelSpace, by: Sequence[str]) -> dict[Slice, Totals]:
    """Of all frames, and of those with each value of the columns ``by`` of frames.csv."""
    totals = {WHOLE: Totals(space)}
    for bag in bags:
        for frame, row in zip(bag.frames(), bag.rows, strict=True):
            for key in [WHOLE, *((column, row[column]) for column in by if row[column])]:
                totals.setdefault(key, Totals(space)).add(frame, row["driven"] == LABELLED)
    return totals


def _stages_ms(rows: list[Row]) -> dict[str, dict[str, float] | None]:
    """Summary of each stage's times; a stage that was never timed is absent."""
    columns = {stage: [row[f"{stage}_ms"] for row in rows] for stage in STAGES}
    times = {stage: [value for value in column if value is not None] for stage, column in columns.items()}
    return {stage: spread(values) for stage, values in times.items() if values}


def _speed(bags: list[EvaluatedBag], labelled: int) -> dict[str, Any]:
    # Of one worker, so that neither their number nor an interruption changes what the figure means.
    parts = [(part.seconds, part.device, part.cores) for bag in bags for part in bag.results()]
    seconds = sum(taken for taken, _, _ in parts)
    return {
        "device": "; ".join(sorted({device for _, device, _ in parts})),
        "cores": sorted({cores for _, _, cores in parts}),
        "frames": labelled,
        "fps": round(labelled / seconds, 3) if seconds else None,
    }
