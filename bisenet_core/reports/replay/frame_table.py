"""FrameTable: the rows of frames.csv as columns of numbers, on one time axis over all bags."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np


class FrameTable:
    """Rows in any order, sorted here by bag and index; what is empty or no number becomes NaN.

    A row's ``bag`` is the name of a bag in results.json or its place in that list, from 0.
    """

    def __init__(self, rows: Iterable[Mapping[str, Any]], bags: list[dict[str, Any]]) -> None:
        places = {str(place): place for place in range(len(bags))}
        places.update({str(bag["name"]): place for place, bag in enumerate(bags)})
        keyed = ((places.get(str(row["bag"]), 0), int(row["index"]), row) for row in rows)
        ordered = sorted(keyed, key=lambda key: key[:2])
        self._rows = [row for _, _, row in ordered]
        #: int64, N: place in the list of bags, and place among the images of that bag
        self.bag = np.array([bag for bag, _, _ in ordered], np.int64)
        self.index = np.array([index for _, index, _ in ordered], np.int64)
        #: N texts: labelled, superseded or failed
        self.driven = np.array([str(row.get("driven") or "") for row in self._rows], object)
        #: float64, N: seconds from the first frame of its own bag
        self.seconds = np.zeros(len(self._rows))
        #: float64, N: the same with the bags one after another
        self.elapsed = np.zeros(len(self._rows))
        #: N slices' worth of rows: where each bag that has frames lies
        self.parts: list[slice] = []
        self._lay_out_time()

    def __len__(self) -> int:
        return len(self._rows)

    def column(self, name: str) -> np.ndarray:
        """One column as float64, N."""
        return np.array([_number(row.get(name)) for row in self._rows], np.float64)

    def _lay_out_time(self) -> None:
        # Integers until the difference is taken: nanoseconds since 1970 do not fit into a float.
        recorded = np.array([int(row.get("recorded_ns") or 0) for row in self._rows], np.int64)
        edges = np.flatnonzero(np.diff(self.bag)) + 1
        offset = 0.0
        for place in np.split(np.arange(len(self._rows)), edges):
            if not len(place):
                continue
            part = slice(int(place[0]), int(place[-1]) + 1)
            self.parts.append(part)
            self.seconds[part] = (recorded[part] - recorded[part].min()) / 1e9
            self.elapsed[part] = offset + self.seconds[part]
            offset = float(self.elapsed[part].max())


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan
