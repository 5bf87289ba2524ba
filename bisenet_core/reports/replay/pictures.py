"""Pictures of the chosen frames, small enough to stand inside the report."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from bisenet_core.labels.label_space import LabelSpace
from bisenet_core.reports.parts.panels import Seen, film_panels, frame_panels
from bisenet_core.reports.replay.choice import choose
from bisenet_core.reports.replay.frame_table import FrameTable

#: (place of the bag in results.json, index) -> image HxWx3 uint8 RGB, truth HxW uint8 or None,
#: labels HxW uint8
Look = Callable[[int, int], tuple[np.ndarray, np.ndarray | None, np.ndarray]]

#: In the order of the report.
GROUPS = ("film", "best", "worst")


@dataclass(frozen=True)
class Picture:
    """One frame as the report shows it."""

    group: str
    """film, best or worst."""
    bag: int
    """Place of its bag in results.json."""
    index: int
    panels: list[tuple[str, str]]
    """Captions and pictures as data URIs."""


def take_pictures(results: dict[str, Any], rows: list[dict[str, Any]], look: Look) -> list[Picture]:
    """Choose the frames to show among the rows of frames.csv and picture each, in the report's order.

    ``look`` is asked once for each, in the order of bag and index, which is quick to seek. Passes on what
    it raises.
    """
    frames, label_space = FrameTable(rows, results["bags"]), label_space_of(results)
    choice = choose(frames)
    wanted = [(group, place) for group in GROUPS for place in getattr(choice, group)]
    taken = {}
    for place in sorted({place for _, place in wanted}):
        groups = [group for group, chosen in wanted if chosen == place]
        bag, index = int(frames.bag[place]), int(frames.index[place])
        # What changed shows only beside the frame before.
        beside = choice.ranking == "consistency" and groups != ["film"]
        seen = Seen(*look(bag, index), look(bag, index - 1)[2] if beside else None)
        for group in groups:
            panels = film_panels if group == "film" else frame_panels
            taken[group, place] = Picture(group, bag, index, panels(seen, label_space))
    return [taken[key] for key in wanted]


def label_space_of(results: dict[str, Any]) -> LabelSpace:
    """The classes and colours of results.json."""
    palette = tuple((int(red), int(green), int(blue)) for red, green, blue in results["palette"])
    return LabelSpace(str(results["label_space"]), tuple(results["classes"]), palette)
