"""A row of frames.csv for each frame: its times, its scores, and what a live node would have done with it."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bisenet_core.errors import printable
from bisenet_core.evaluation.metrics import boundary_score, mailbox_simulation, temporal_consistency
from bisenet_core.evaluation.metrics.scoring import or_none
from bisenet_core.evaluation.replay.frame_result import STAGES, FrameResult
from bisenet_core.labels.metrics import class_counts, miou

#: By column, times not rounded; None where there is nothing.
Row = dict[str, Any]

_FRAME = ("index", "recorded_ns", "stamp_ns", "width", "height", "problem")
COLUMNS = (
    *("bag", *_FRAME, *(f"{stage}_ms" for stage in STAGES), "driven", "age_ms"),
    *("scored_pixels", "pixel_accuracy", "miou", "boundary_f", "consistency", "teacher_agreement"),
)

_FORMULA = ("=", "+", "-", "@")


def rows_of(bag: str, frames: Iterable[FrameResult]) -> list[Row]:
    """The rows of all frames of one bag, called ``bag``, in recorded order."""
    rows = [_row(bag, frame) for frame in frames]
    recorded_ns = np.array([row["recorded_ns"] for row in rows], np.int64)
    service_ms = np.array([_service_ms(row) for row in rows], np.float64)
    for row, driven in zip(rows, mailbox_simulation.drive(recorded_ns, service_ms)):
        row |= {"driven": driven.outcome, "age_ms": driven.age_ms}
    return rows


def write_csv(path: Path, rows: Iterable[Row], tags: Sequence[str] = ()) -> None:
    """Write frames.csv, with times to the microsecond. ``tags``: keys of rows behind ``COLUMNS``."""
    with open(path, "w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, [*COLUMNS, *tags])
        writer.writerow({name: _cell(name, name) for name in writer.fieldnames})
        writer.writerows({name: _cell(name, value) for name, value in row.items()} for row in rows)


def _row(bag: str, frame: FrameResult) -> Row:
    return {
        "bag": bag,
        **{name: getattr(frame, name) for name in _FRAME},
        **{f"{stage}_ms": frame.timings_ms.get(stage) for stage in STAGES},
        "scored_pixels": None if frame.confusion is None else int(frame.confusion.sum()),
        "pixel_accuracy": _accuracy(frame.confusion),
        "miou": None if frame.confusion is None else or_none(miou(*class_counts(frame.confusion))),
        "boundary_f": None if frame.boundary is None else or_none(boundary_score.f_score(frame.boundary)),
        "consistency": None
        if frame.temporal is None
        else or_none(temporal_consistency.consistency(frame.temporal)),
        "teacher_agreement": _accuracy(frame.teacher),
    }


def _service_ms(row: Row) -> float:
    return np.nan if row["segment_ms"] is None else row["decode_ms"] + row["segment_ms"]


def _accuracy(counts: np.ndarray | None) -> float | None:
    if counts is None or not counts.sum():
        return None
    return round(float(np.trace(counts) / counts.sum()), 6)


def _cell(column: str, value: Any) -> Any:
    """Times rounded; text printable, and with a quote before what a spreadsheet would take for a formula."""
    if isinstance(value, str):
        text = printable(value)
        return "'" + text if text.startswith(_FORMULA) else text
    return round(value, 3) if column.endswith("_ms") and value is not None else value
