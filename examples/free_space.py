"""Find the free space in a label image: the drivable corridor, row by row, and its grid on the ground.

The corridor starts at the bottom centre of the image and climbs: in each row it is the run of neighbouring
road pixels that shares the most columns with the run below. It ends at the first row where there is none.

Road counts only where the network is sure of it. What is no road counts whatever the confidence, and also
beyond pixels of which nothing is known: at every boundary the network is unsure of a few, on both sides.
"""

from typing import List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from bisenet_core.errors import InputError
from bisenet_core.labels.ground_camera import GroundCamera
from bisenet_core.labels.label_space import UNLABELED

#: Values of nav_msgs/OccupancyGrid.
FREE, OCCUPIED, UNKNOWN = 0, 100, -1

# What a pixel says of the ground.
_UNKNOWN, _OBSTACLE, _ROAD = 0, 1, 2


class Corridor(NamedTuple):
    """One run of road pixels for each row, from the bottom of the image up; arrays of one length, maybe 0.

    ``left`` and ``right`` are the first and last column of the run, inclusive. ``left_known`` and
    ``right_known`` say that the first pixel beyond it of which anything is known, along its row, is no road;
    ``end_known`` says so of the pixels above the last run, along any one of its columns.
    """

    rows: np.ndarray
    left: np.ndarray
    right: np.ndarray
    left_known: np.ndarray
    right_known: np.ndarray
    end_known: bool


class GridShape(NamedTuple):
    """A grid ahead of the camera: ``columns`` cells forward from x = 0, ``rows`` to the sides, half each."""

    resolution: float
    columns: int
    rows: int

    @property
    def right_edge(self) -> float:
        """y of the grid's right border in metres, negative."""
        return -self.resolution * self.rows / 2


def grid_shape(resolution: float, reach: float, width: float) -> GridShape:
    """The smallest grid of square cells that is ``reach`` long and ``width`` wide, in metres."""
    cells = [int(np.ceil(length / resolution - 1e-9)) for length in (reach, width)]
    if min(cells) < 1 or max(cells) > 4096:
        raise InputError("a grid of {}x{} cells; expected 1 to 4096 each way: change resolution, range "
                         "or width".format(*cells))
    return GridShape(resolution, *cells)


def find_corridor(labels: np.ndarray, road: Sequence[int], confidence: Optional[np.ndarray] = None,
                  min_confidence: int = 0) -> Corridor:
    """The corridor in HxW uint8 ``labels``; ``road`` are the ids of the classes that may be driven on.

    ``confidence`` is HxW uint8: road below ``min_confidence`` is unknown, as ``UNLABELED`` is.
    """
    kinds = _kinds(labels, road, confidence, min_confidence)
    runs = _climb(kinds == _ROAD)
    left, right = runs.T
    rows = len(labels) - 1 - np.arange(len(runs))
    columns, beside = np.arange(labels.shape[1]), kinds[rows]
    left_known = _meets_obstacle(np.where(columns < left[:, None], beside, _UNKNOWN)[:, ::-1])
    right_known = _meets_obstacle(np.where(columns > right[:, None], beside, _UNKNOWN))
    above = kinds[:rows[-1]][::-1, left[-1]:right[-1] + 1].T if len(runs) else kinds[:0]
    return Corridor(rows, left, right, left_known, right_known, bool(_meets_obstacle(above).any()))


def project_corridor(corridor: Corridor, camera: GroundCamera, shape: GridShape) -> np.ndarray:
    """The corridor on the ground: int8 rows x columns of FREE, OCCUPIED and UNKNOWN; row 0 is to the right.

    A cell is free where every pixel that shows a part of it is of the corridor. It is occupied next to a free
    one where what is first known beyond the corridor is no road; the rest is unknown.
    """
    free, seen = np.zeros((2, shape.rows, shape.columns), bool)
    if len(corridor.rows):
        visible, covered = _columns(corridor, camera, shape)
        for column, first, last in covered:
            part = slice(first, last + 1)
            edges = corridor.rows[part] + np.array([[-0.5], [0.5]])  # of the pixels, far and near
            right = camera.left(edges, corridor.right[part] + 0.5).max()
            left = camera.left(edges, corridor.left[part] - 0.5).min()
            low = int(np.clip(np.ceil((right - shape.right_edge) / shape.resolution), 0, shape.rows))
            high = int(np.clip(np.floor((left - shape.right_edge) / shape.resolution), low, shape.rows))
            free[low:high, column] = True
            seen[:low, column] = corridor.right_known[part].any()
            seen[high:, column] = corridor.left_known[part].any()
        seen[:, visible + len(covered):] = corridor.end_known
    grid = np.full(free.shape, UNKNOWN, np.int8)
    grid[_neighbours(free) & seen] = OCCUPIED
    grid[free] = FREE
    return grid


def _kinds(labels: np.ndarray, road: Sequence[int], confidence: Optional[np.ndarray],
           min_confidence: int) -> np.ndarray:
    """_UNKNOWN, _OBSTACLE or _ROAD for each pixel, HxW uint8."""
    kinds = np.where(labels == UNLABELED, _UNKNOWN, _OBSTACLE).astype(np.uint8)
    drivable = np.isin(labels, np.asarray(road, np.uint8))
    kinds[drivable] = _ROAD
    if confidence is not None:
        kinds[drivable & (confidence < min_confidence)] = _UNKNOWN
    return kinds


def _meets_obstacle(kinds: np.ndarray) -> np.ndarray:
    """Whether the first of each row of ``kinds`` that is not unknown is an obstacle; NxM -> N, bool."""
    padded = np.pad(kinds, ((0, 0), (0, 1)), mode="constant")  # so that each has a last, and unknown, pixel
    first = (padded != _UNKNOWN).argmax(1)
    return padded[np.arange(len(padded)), first] == _OBSTACLE


def _climb(free: np.ndarray) -> np.ndarray:
    """Nx2 first and last column of the corridor's run in each of N rows, from the bottom up."""
    runs: List[Tuple[int, int]] = []
    below = (free.shape[1] // 2,) * 2
    for row in free[::-1]:
        above = row[below[0]:below[1] + 1].astype(np.int8)
        edges = np.flatnonzero(np.diff(np.concatenate([[0], above, [0]])))
        if not len(edges):
            break
        # Where the run below is interrupted, the widest of its parts goes on.
        widest = (edges[1::2] - edges[::2]).argmax()
        below = _widened(row, below[0] + int(edges[2 * widest]), below[0] + int(edges[2 * widest + 1]) - 1)
        runs.append(below)
    return np.array(runs, np.int64).reshape(-1, 2)


def _widened(row: np.ndarray, left: int, right: int) -> Tuple[int, int]:
    """First and last column of the whole run of True that holds ``left`` to ``right``."""
    before, after = np.flatnonzero(~row[:left]), np.flatnonzero(~row[right + 1:])
    return (int(before[-1]) + 1 if len(before) else 0,
            right + int(after[0]) if len(after) else len(row) - 1)


def _columns(corridor: Corridor, camera: GroundCamera,
             shape: GridShape) -> Tuple[int, List[Tuple[int, int, int]]]:
    """The first column of the grid that the image shows, and those from there on that the corridor covers.

    Of each of the latter: its index, and the first and last place in the corridor's arrays that it takes in.
    """
    # Places, from the bottom up: the pixels at place 3 reach from 2.5 to 3.5.
    shown = corridor.rows[0] - camera.row(np.arange(shape.columns + 1) * shape.resolution)
    nearest = int(np.searchsorted(shown, -0.5))
    last = np.ceil(shown[nearest + 1:] - 0.5).astype(np.int64)
    first = np.clip(np.floor(shown[nearest:-1] + 0.5).astype(np.int64), 0, last)
    # A row that reaches the horizon shows no end of the ground.
    below_horizon = np.count_nonzero(np.isfinite(camera.forward(corridor.rows - 0.5)))
    count = int(np.append(last >= below_horizon, True).argmax())
    return nearest, [(nearest + i, int(first[i]), int(last[i])) for i in range(count)]


def _neighbours(free: np.ndarray) -> np.ndarray:
    """The cells that touch a free one, by a side or a corner, and are not free themselves."""
    rows, columns = free.shape
    padded = np.pad(free, 1, mode="constant")
    near = np.zeros_like(free)
    for down in range(3):
        for right in range(3):
            near |= padded[down:down + rows, right:right + columns]
    return near & ~free
