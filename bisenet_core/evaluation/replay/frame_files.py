"""frames.csv for people and frames.npz for programs: a row for each frame, written as the frames come."""

import csv
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bisenet_core.evaluation.metrics import boundary_score, temporal_consistency
from bisenet_core.evaluation.metrics.frame_result import STAGES, FrameResult
from bisenet_core.evaluation.metrics.mailbox_simulation import LABELLED, Driven
from bisenet_core.evaluation.metrics.scoring import or_none
from bisenet_core.evaluation.replay.evaluated_bag import EvaluatedBag
from bisenet_core.labels.metrics import class_counts, miou

COLUMNS = (
    *("bag", "index", "recorded_ns", "stamp_ns", "width", "height", "problem"),
    *(f"{stage}_ms" for stage in STAGES),
    *("driven", "age_ms", "scored_pixels", "pixel_accuracy", "miou", "boundary_f", "consistency"),
    "teacher_agreement",
)


class Row(NamedTuple):
    """A frame of an evaluation."""

    bag: int
    name: str
    """Of the bag."""
    frame: FrameResult
    driven: Driven


def rows_of(bags: list[EvaluatedBag]) -> Iterator[Row]:
    """Every frame, in the order of the bags and of their recording."""
    for place, bag in enumerate(bags):
        for frame, driven in zip(bag.frames(), bag.driven, strict=True):
            yield Row(place, bag.name, frame, driven)


def csv_row(row: Row) -> dict[str, Any]:
    """A row of frames.csv, by ``COLUMNS``; None where there is nothing."""
    frame, driven = row.frame, row.driven
    times = {f"{stage}_ms": _rounded(frame.timings_ms.get(stage)) for stage in STAGES}
    return {
        "bag": row.name,
        **{name: getattr(frame, name) for name in COLUMNS[1:7]},
        **times,
        "driven": driven.outcome,
        "age_ms": _rounded(driven.age_ms),
        "scored_pixels": None if frame.confusion is None else int(frame.confusion.sum()),
        "pixel_accuracy": _accuracy(frame.confusion),
        "miou": None if frame.confusion is None else or_none(miou(*class_counts(frame.confusion))),
        "boundary_f": None if frame.boundary is None else or_none(boundary_score.f_score(frame.boundary)),
        "consistency": None
        if frame.temporal is None
        else or_none(temporal_consistency.consistency(frame.temporal)),
        "teacher_agreement": _accuracy(frame.teacher),
    }


def write_csv(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """frames.csv, of rows as ``csv_row`` makes them."""
    with open(path, "w", newline="", encoding="utf-8", errors="surrogateescape") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)


def write_npz(path: Path, bags: list[EvaluatedBag], classes: int) -> None:
    """frames.npz: confusion int64 [N, C, C + 1], scored, bag, index, stamp_ns and driven, one row a frame.

    The matrices of a long drive do not fit into memory, and are written as they are read.
    """
    places = np.repeat(np.arange(len(bags)), [len(bag.outlines) for bag in bags])
    frames = [frame for bag in bags for frame in bag.outlines]
    driven = [fate.outcome == LABELLED for bag in bags for fate in bag.driven]
    scored = []
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open("confusion.npy", "w", force_zip64=True) as stream:
            shape = (len(frames), classes, classes + 1)
            header = {"descr": "<i8", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(stream, header)
            nothing = np.zeros(shape[1:], "<i8")
            for row in rows_of(bags):
                matrix = row.frame.confusion
                scored.append(matrix is not None)
                stream.write((nothing if matrix is None else matrix.astype("<i8")).tobytes())
        _add(archive, "scored", np.array(scored, bool))
        _add(archive, "bag", places.astype(np.int32))
        _add(archive, "index", np.array([frame.index for frame in frames], np.int64))
        _add(archive, "stamp_ns", np.array([frame.stamp_ns for frame in frames], np.int64))
        _add(archive, "driven", np.array(driven, bool))


def _add(archive: zipfile.ZipFile, name: str, array: np.ndarray) -> None:
    with archive.open(f"{name}.npy", "w") as stream:
        np.lib.format.write_array(stream, array, allow_pickle=False)


def _accuracy(counts: np.ndarray | None) -> float | None:
    if counts is None or not counts.sum():
        return None
    return round(float(np.trace(counts) / counts.sum()), 6)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
