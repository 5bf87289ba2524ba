"""Which frames the replay report shows, and their pictures: evenly spaced ones, the best and the worst."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from bisenet_core.labels.label_space import LabelSpace
from bisenet_core.reports.parts.formats import clock, is_known, percent
from bisenet_core.reports.parts.panels import Seen, best_and_worst, evenly_spaced, film_panels, frame_panels
from bisenet_core.reports.replay.frame_table import FrameTable

#: By which frames are ranked: the first of these columns that has values, and its name in the report.
RANKINGS = {
    "miou": "mean IoU",
    "pixel_accuracy": "pixel accuracy",
    "teacher_agreement": "agreement with the teacher",
    "consistency": "temporal consistency",
}
_FILM, _EACH = 12, 4

#: (place of the bag in results.json, index) -> image HxWx3 uint8 RGB, truth HxW uint8 or None,
#: labels HxW uint8
Look = Callable[[int, int], tuple[np.ndarray, np.ndarray | None, np.ndarray]]


@dataclass(frozen=True)
class Picture:
    """One frame as the report shows it."""

    group: str
    """film, best or worst."""
    place: str
    """Its bag, where there are several, its time and its index, in words."""
    scores: list[tuple[str, str]]
    """Names and values of those of ``RANKINGS`` that it has."""
    panels: list[tuple[str, str]]
    """Captions and pictures as data URIs."""


def choose(frames: FrameTable) -> tuple[dict[str, list[int]], str]:
    """Places in ``frames`` by group, in the report's order, and the column by which frames were ranked.

    "film": evenly spaced among those labelled, in order of time; "best" and "worst": the best and the worst
    first, none where no column has values. Neighbours in a drive look alike, so chosen ones keep apart as
    far as there are frames enough.
    """
    labelled = np.flatnonzero(np.isfinite(frames.column("segment_ms")))
    film = [int(labelled[place]) for place in sorted(evenly_spaced(len(labelled), _FILM))]
    ranking = next((name for name in RANKINGS if np.isfinite(frames.column(name)[labelled]).any()), "")
    if not ranking:
        return {"film": film, "best": [], "worst": []}, ""
    values = frames.column(ranking)
    ranked = labelled[np.isfinite(values[labelled])]
    ranked = ranked[np.argsort(values[ranked], kind="stable")]
    best, worst = best_and_worst(frames.bag, frames.index, ranked, _EACH)
    return {"film": film, "best": best, "worst": worst}, ranking


def take_pictures(results: dict[str, Any], rows: list[dict[str, Any]], look: Look) -> list[Picture]:
    """Choose the frames to show among the rows of frames.csv and picture each, in the report's order.

    ``look`` is asked once for each, in the order of bag and index, which is quick to seek. Passes on what
    it raises.
    """
    frames, label_space = FrameTable(rows, results["bags"]), label_space_of(results)
    names = [f"{bag['name']}, " if len(results["bags"]) > 1 else "" for bag in results["bags"]]
    columns = {name: frames.column(column) for column, name in RANKINGS.items()}
    chosen, ranking = choose(frames)
    wanted = [(group, place) for group, places in chosen.items() for place in places]
    taken = {}
    for place in sorted({place for _, place in wanted}):
        groups = [group for group, places in chosen.items() if place in places]
        bag, index = int(frames.bag[place]), int(frames.index[place])
        # What changed shows only beside the frame before.
        beside = ranking == "consistency" and groups != ["film"]
        seen = Seen(*look(bag, index), look(bag, index - 1)[2] if beside else None)
        where = f"{names[bag]}{clock(float(frames.seconds[place]), 1)}, frame {index}"
        values = {name: column[place] for name, column in columns.items()}
        scores = [(name, percent(value)) for name, value in values.items() if is_known(value)]
        for group in groups:
            panels = film_panels if group == "film" else frame_panels
            taken[group, place] = Picture(group, where, scores, panels(seen, label_space))
    return [taken[key] for key in wanted]


def label_space_of(results: dict[str, Any]) -> LabelSpace:
    """The classes and colours of results.json."""
    palette = tuple((int(red), int(green), int(blue)) for red, green, blue in results["palette"])
    return LabelSpace(str(results["label_space"]), tuple(results["classes"]), palette)
