"""FrameTable: the rows of frames.csv as columns of numbers, on one time axis over all bags."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np


class FrameTable:
    """Rows in the order of bag and index, whose ``bag`` is the name of one in results.json."""

    def __init__(self, rows: Iterable[Mapping[str, Any]], bags: list[dict[str, Any]]) -> None:
        self._rows = list(rows)
        places = {bag["name"]: place for place, bag in enumerate(bags)}
        #: int64, N: place in the list of bags, and place among the images of that bag
        self.bag = np.array([places[row["bag"]] for row in self._rows], np.int64)
        self.index = np.array([row["index"] for row in self._rows], np.int64)
        #: N texts: labelled, superseded or failed
        self.driven = np.array([row["driven"] for row in self._rows], object)
        starts = np.flatnonzero(np.diff(self.bag, prepend=-1)).tolist()
        #: where each bag that has frames lies
        self.parts = [slice(*ends) for ends in zip(starts, [*starts[1:], len(self)])]
        #: float64, N: seconds from the first frame of its own bag, and the same with one bag after another
        self.seconds, self.elapsed = np.zeros((2, len(self)))
        # Integers until the difference is taken: nanoseconds since 1970 do not fit into a float.
        recorded = np.array([row["recorded_ns"] for row in self._rows], np.int64)
        offset = 0.0
        for part in self.parts:
            self.seconds[part] = (recorded[part] - recorded[part].min()) / 1e9
            self.elapsed[part] = offset + self.seconds[part]
            offset = float(self.elapsed[part].max())

    def __len__(self) -> int:
        return len(self._rows)

    def column(self, name: str) -> np.ndarray:
        """One column as float64, N; NaN where it is empty."""
        values = (row[name] for row in self._rows)
        return np.array([math.nan if value is None else value for value in values], np.float64)
