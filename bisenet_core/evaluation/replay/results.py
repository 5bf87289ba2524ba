"""Write the results of an evaluation: results.json, frames.csv and frames.npz."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from bisenet_core.errors import explain_os_errors
from bisenet_core.evaluation.metrics import calibration, mailbox_simulation
from bisenet_core.evaluation.metrics.boundary_score import TOLERANCE_PX
from bisenet_core.evaluation.metrics.mailbox_simulation import Driven
from bisenet_core.evaluation.metrics.scoring import by_class, or_none
from bisenet_core.evaluation.replay.evaluated_bag import EvaluatedBag
from bisenet_core.evaluation.replay.evaluated_drive import (
    FRAMES_NPZ,
    RESULTS,
    EvaluatedDrive,
    read_arrays,
    write_npz,
)
from bisenet_core.evaluation.replay.frame_result import STAGES
from bisenet_core.evaluation.replay.frame_rows import write_csv
from bisenet_core.evaluation.replay.measures import measure
from bisenet_core.evaluation.replay.slices import compare_slices
from bisenet_core.files import replacing
from bisenet_core.reports.measurement import spread
from bisenet_core.reports.replay.figure_names import FIGURES

FRAMES_CSV = "frames.csv"
_ADVICE = "make room, and add --resume to go on"


def write_results(
    output: Path, about: dict[str, Any], bags: list[EvaluatedBag], left_out: list[str],
    tags: Sequence[str] = (),
) -> EvaluatedDrive:
    """Write frames.csv and frames.npz into ``output``, and return these and what results.json shall hold.

    ``about``: the entries that say what was evaluated and how, ``classes`` and ``teacher``, the name of one
    or None, among them. ``left_out``: lines of what was left out before any frame. ``tags``: keys of rows. A
    file is replaced when the new one is whole. Raises InputError where that is not possible.
    """
    rows = [row for bag in bags for row in bag.rows]
    with explain_os_errors(f"cannot write into {output}", _ADVICE):
        with replacing(output / FRAMES_CSV, shared=True) as path:
            write_csv(path, rows, tags)
        with replacing(output / FRAMES_NPZ, shared=True) as path:
            matrix = write_npz(path, bags, len(about["classes"]))
        drive = EvaluatedDrive(output / RESULTS, dict(about), **read_arrays(output / FRAMES_NPZ))
    results = _results(about, bags, drive, matrix)
    results["left_out"] = left_out + [line for bag in bags for line in bag.problems()]
    slices = compare_slices(drive, rows, [*(["bag"] if len(bags) > 1 else []), *tags])
    results |= {"slices": slices} if slices["slices"] or tags else {}
    results["figures"] = {name: FIGURES[name].of(results) for name in FIGURES if FIGURES[name].keys}
    return replace(drive, results=results)


def save_results(output: Path, results: dict[str, Any]) -> None:
    """Write ``output``/results.json. Raises InputError where that is not possible."""
    explained = explain_os_errors(f"cannot write into {output}", _ADVICE)
    with explained, replacing(output / RESULTS, shared=True) as path:
        path.write_text(json.dumps(results, indent=2) + "\n")


def _results(
    about: dict[str, Any], bags: list[EvaluatedBag], drive: EvaluatedDrive, matrix: np.ndarray
) -> dict[str, Any]:
    rows = [row for bag in bags for row in bag.rows]
    entries = [bag.as_json() for bag in bags]
    times = {stage: [row[f"{stage}_ms"] for row in rows] for stage in STAGES}
    spreads = {stage: spread([time for time in of if time is not None]) for stage, of in times.items()}
    stages = {stage: found for stage, found in spreads.items() if found}  # without those never timed
    as_driven = mailbox_simulation.summary([Driven(row["driven"], row["age_ms"]) for row in rows])
    scores, live = _scores(drive, matrix, about)
    labelled = sum(entry["evaluated"] for entry in entries)
    return {
        "schema": 1,
        **about,
        "bags": entries,
        **_speed(bags, labelled),
        "frames_lost": len(rows) - labelled,
        "scored": sum(entry["scored"] for entry in entries),
        **scores,
        "latency_ms": stages.get("segment"),
        "stages_ms": stages,
        "as_driven": {**as_driven, **live},
    }


def _scores(
    drive: EvaluatedDrive, matrix: np.ndarray, about: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What was scored, and of ``as_driven``; None where nothing was counted."""
    measured, counts = measure(drive), drive.counts
    of = {name: or_none(values[0, 0]) for name, values in measured.items()}
    classes = {name: by_class(values[0, 1:], about["classes"]) for name, values in measured.items()}
    scored = drive.scored.any()
    scores = {
        "miou": of["iou"], "iou": classes["iou"] if scored else None, "pixel_accuracy": of["pixel_accuracy"],
        "confusion_matrix": matrix.tolist() if scored else None,
        **dict.fromkeys(("boundary", "calibration", "temporal", "teacher", "objects")),
    }
    if "boundary" in counts:
        scores["boundary"] = {"tolerance_px": TOLERANCE_PX, "f_score": of["boundary_score"],
                              "by_class": classes["boundary_score"]}
    if "calibration" in counts:
        scores["calibration"] = calibration.summary(counts["calibration"].sum(axis=0))
    if "temporal" in counts:
        pairs = int(np.any(counts["temporal"], axis=(1, 2)).sum())
        scores["temporal"] = {"consistency": of["consistency"], "flicker": classes["flicker"], "pairs": pairs}
    if "teacher" in counts:
        scores["teacher"] = {"model": about["teacher"], "miou": of["teacher_iou"],
                             "pixel_agreement": of["teacher_agreement"], "iou": classes["teacher_iou"]}
    if "objects" in counts:
        scores["objects"] = {"count": int(counts["objects"][..., 0].sum()), "recall": of["object_recall"],
                             "pixel_recall": of["object_pixel_recall"], "by_class": classes["object_recall"]}
    return scores, {"scored": int((drive.scored & drive.driven).sum()), "miou": of["iou_live"],
                    "pixel_accuracy": of["pixel_accuracy_live"]}


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
