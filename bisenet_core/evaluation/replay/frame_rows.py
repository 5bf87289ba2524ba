"""A row of frames.csv for each frame: its times, its scores, and what a live node would have done with it."""

import csv
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bisenet_core.errors import printable
from bisenet_core.evaluation.metrics import boundary_score, mailbox_simulation, temporal_consistency
from bisenet_core.evaluation.metrics.scoring import or_none
from bisenet_core.evaluation.replay.frame_result import STAGES, FrameResult
from bisenet_core.labels.metrics import class_counts, miou, ratio

#: By column, times not rounded; None where there is nothing.
Row = dict[str, Any]

_FRAME = ("index", "recorded_ns", "stamp_ns", "width", "height", "problem")

_FORMULA = ("=", "+", "-", "@")


def _accuracy(matrix: np.ndarray) -> np.ndarray:
    return ratio(np.trace(matrix), matrix.sum())


#: The columns of scores: from which counts of a FrameResult, and how.
_SCORES: dict[str, tuple[str, Callable[[np.ndarray], np.ndarray]]] = {
    "pixel_accuracy": ("confusion", _accuracy),
    "miou": ("confusion", lambda matrix: miou(*class_counts(matrix))),
    "boundary_f": ("boundary", boundary_score.f_score),
    "consistency": ("temporal", temporal_consistency.consistency),
    "teacher_agreement": ("teacher", _accuracy),
}
_TIMES = {f"{stage}_ms": stage for stage in STAGES}
COLUMNS = ("bag", *_FRAME, *_TIMES, "driven", "age_ms", "scored_pixels", *_SCORES)


def rows_of(bag: str, frames: Iterable[FrameResult]) -> list[Row]:
    """The rows of all frames of one bag, called ``bag``, in recorded order."""
    rows = [_row(bag, frame) for frame in frames]
    recorded_ns = np.array([row["recorded_ns"] for row in rows], np.int64)
    service_ms = np.array([[row["decode_ms"], row["segment_ms"]] for row in rows], np.float64).reshape(-1, 2)
    for row, driven in zip(rows, mailbox_simulation.drive(recorded_ns, service_ms.sum(axis=1))):
        row |= {"driven": driven.outcome, "age_ms": driven.age_ms}
    return rows


def write_csv(path: Path, rows: Iterable[Row], tags: Sequence[str] = ()) -> None:
    """Write frames.csv, with times to the microsecond. ``tags``: keys of rows behind ``COLUMNS``."""
    with open(path, "w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, [*COLUMNS, *tags])
        writer.writerow({name: _cell(name, name) for name in writer.fieldnames})
        writer.writerows({name: _cell(name, value) for name, value in row.items()} for row in rows)


def _row(bag: str, frame: FrameResult) -> Row:
    counts = {column: getattr(frame, name) for column, (name, _) in _SCORES.items()}
    return {
        "bag": bag,
        **{name: getattr(frame, name) for name in _FRAME},
        **{column: frame.timings_ms.get(stage) for column, stage in _TIMES.items()},
        "scored_pixels": None if frame.confusion is None else int(frame.confusion.sum()),
        **{column: None if array is None else or_none(_SCORES[column][1](array))
           for column, array in counts.items()},
    }


def _cell(column: str, value: Any) -> Any:
    """Times rounded; text printable, and with a quote before what a spreadsheet would take for a formula."""
    if isinstance(value, str):
        text = printable(value)
        return "'" + text if text.startswith(_FORMULA) else text
    return round(value, 3) if column.endswith("_ms") and value is not None else value
