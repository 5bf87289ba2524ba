"""mine writes the frames of an evaluation that are most worth labelling, with its labels as proposals."""

import csv
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bisenet_core.drives.image_files import write_image
from bisenet_core.errors import InputError, explain_os_errors
from bisenet_core.evaluation.replay.evaluated_bag import EvaluatedBag
from bisenet_core.evaluation.replay.labelled_bags import labelled_frames
from bisenet_core.labels.label_space import LabelSpace
from bisenet_core.reports.parts.panels import without_neighbours

#: Why a frame may be worth labelling, 0 to 1 each: the higher, the more.
SIGNALS = ("uncertainty", "disagreement", "flicker")
SPLIT = "mined"
_LIST = "mined.csv"


def refuse_mined(folder: Path) -> None:
    """Raise InputError where ``mine`` has filled ``folder``: somebody may have corrected the labels there."""
    if (folder / _LIST).exists():
        raise InputError(f"{folder} holds frames mined before, whose labels may have been corrected by hand; "
                         "move it, or leave out --mine")


def mine(folder: Path, bags: Sequence[EvaluatedBag], space: LabelSpace, most: int) -> None:
    """Write at most ``most`` frames as a data set of the layout "folder", with the one split ``SPLIT``.

    A frame's score is the mean of its ranks by the signals that were measured: 1 - mean confidence,
    disagreement with the teacher, and flicker. Neighbours of a chosen frame are left out. mined.csv says
    why each was chosen. Raises InputError where ``folder`` cannot be written.
    """
    rows = [row for place, bag in enumerate(bags) for row in _signals(place, bag)]
    scores = _scores(np.array([[row[name] for name in SIGNALS] for row in rows], np.float64).reshape(-1, 3))
    bag, index = (np.array([row[key] for row in rows], np.int64) for key in ("bag", "index"))
    chosen = [rows[at] | {"score": round(float(scores[at]), 6)}
              for at in without_neighbours(bag, index, np.argsort(-scores, kind="stable"), most)]
    with explain_os_errors(f"cannot write into {folder}", "make room, and add --resume to go on"):
        for kind in ("images", "labels"):
            (folder / SPLIT / kind).mkdir(parents=True, exist_ok=True)
        classes = [{"id": place, "name": name, "color_rgb": colour}
                   for place, (name, colour) in enumerate(zip(space.classes, space.palette))]
        about = {"name": space.name, "ignore_id": space.ignore_id, "classes": classes}
        (folder / "classes.json").write_text(json.dumps(about, indent=2) + "\n")
        for place, of in enumerate(bags):
            names = {row["index"]: row["name"] for row in chosen if row["bag"] == place}
            for frame, labels, *_ in labelled_frames(of) if names else ():
                if frame.index in names and frame.image is not None and labels is not None:
                    write_image(folder / SPLIT / "images" / f"{names[frame.index]}.png", frame.image)
                    write_image(folder / SPLIT / "labels" / f"{names[frame.index]}.png", labels)
        with open(folder / _LIST, "w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, ("name", "score", *SIGNALS), extrasaction="ignore")
            writer.writeheader()
            writer.writerows(chosen)


def _signals(place: int, bag: EvaluatedBag) -> Iterator[dict[str, Any]]:
    """Name, place of the bag, index and ``SIGNALS`` of each labelled frame, None where not measured."""
    stem = re.sub(r"[^\w.-]", "_", bag.name)
    for row, (_, labels, _, numbers) in zip(bag.rows, labelled_frames(bag), strict=True):
        measured = numbers.get("mean_confidence"), row["teacher_agreement"], row["consistency"]
        if labels is not None:
            yield {"name": f"{place:02d}_{stem}_{row['index']:06d}", "bag": place, "index": row["index"],
                   **{name: None if of is None else round(1 - of, 6) for name, of in zip(SIGNALS, measured)}}


def _scores(signals: np.ndarray) -> np.ndarray:
    """float64 N of signals N x 3: the mean of a frame's ranks, 0 to 1, by the signals that it has."""
    ranks = np.full(signals.shape, np.nan)
    for rank, signal in zip(ranks.T, signals.T):
        known = np.isfinite(signal)
        ordered = np.sort(signal[known])
        rank[known] = np.searchsorted(ordered, signal[known]) / max(len(ordered) - 1, 1)
    return np.nansum(ranks, axis=1) / np.maximum(np.isfinite(ranks).sum(axis=1), 1)
