"""The corridor in small label images, and the grid's limits."""

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bisenet_core.errors import InputError
from bisenet_core.labels.ground_camera import GroundCamera
from bisenet_core.labels.label_space import UNLABELED

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "examples"))

from free_space import (
    FREE,
    OCCUPIED,
    UNKNOWN,
    find_corridor,
    grid_shape,
    project_corridor,
)

ROAD, PAVEMENT, CAR = 3, 4, 8


def test_the_corridor_keeps_to_the_wider_side_of_an_obstacle():
    labels = np.full((6, 20), ROAD, np.uint8)
    labels[2:4, 5:8] = CAR
    corridor = find_corridor(labels, [ROAD])
    assert corridor.rows.tolist() == [5, 4, 3, 2, 1, 0]
    assert corridor.left.tolist() == [0, 0, 8, 8, 0, 0]
    assert corridor.right.tolist() == [19] * 6
    assert corridor.left_known.tolist() == [False, False, True, True, False, False]
    assert not corridor.right_known.any()  # the image ends there, not the road


@pytest.mark.parametrize("bottom", [CAR, UNLABELED])
def test_no_road_at_the_bottom_centre_is_no_corridor(bottom):
    labels = np.full((8, 9), ROAD, np.uint8)
    labels[-1, 4] = bottom
    corridor = find_corridor(labels, [ROAD])
    assert len(corridor.rows) == 0
    grid = project_corridor(corridor, GroundCamera(8, 8, 4, 3, 1.3, 0.0), grid_shape(0.2, 30.0, 16.0))
    assert (grid == UNKNOWN).all()


def _corridor(*rows):
    """The corridor of rows, the highest first: r sure road, ? unsure road, c a car, maybe, blank no class."""
    ids = {"r": ROAD, "?": ROAD, "c": CAR, " ": UNLABELED}
    labels = np.array([[ids[letter] for letter in row] for row in rows], np.uint8)
    confidence = np.array([[100 if letter == "r" else 99 for letter in row] for row in rows], np.uint8)
    return find_corridor(labels, [ROAD], confidence, 100)


def test_road_below_min_confidence_is_neither_free_nor_an_obstacle():
    assert _corridor(*["r" * 9] * 6).rows.tolist() == [5, 4, 3, 2, 1, 0]
    corridor = _corridor(*["r" * 9] * 2, "?" * 9, *["r" * 9] * 3)
    assert corridor.rows.tolist() == [5, 4, 3]
    assert not corridor.end_known


@pytest.mark.parametrize("row, left_known, right_known", [
    ("ccrrrcc", True, True),      # what is no road needs no confidence
    ("c? rrr? ?c", True, True),   # nor to be beside the corridor
    ("cr?rrr? rc", False, False),  # sure road comes first
    ("???rrr ??", False, False),
])
def test_a_side_is_known_by_the_first_that_is_known_beyond_it(row, left_known, right_known):
    corridor = _corridor(row)
    assert (corridor.left_known.tolist(), corridor.right_known.tolist()) == ([left_known], [right_known])


@pytest.mark.parametrize("above, end_known", [("?????", False), ("??c??", True), ("     ", False)])
def test_one_obstacle_above_the_end_is_enough(above, end_known):
    corridor = _corridor(above, "?????", "rrrrr")
    assert (len(corridor.rows), corridor.end_known) == (1, end_known)


def test_several_classes_may_be_driven_on():
    labels = np.full((4, 9), ROAD, np.uint8)
    labels[1] = PAVEMENT
    assert len(find_corridor(labels, [ROAD]).rows) == 2
    assert len(find_corridor(labels, [ROAD, PAVEMENT]).rows) == 4


@pytest.mark.parametrize("resolution, reach", [(0.001, 40.0), (0.2, 0.0)])
def test_a_grid_too_large_or_empty_is_refused(resolution, reach):
    with pytest.raises(InputError, match="expected 1 to 4096 each way"):
        grid_shape(resolution, reach, 10.0)


def test_a_road_that_reaches_the_horizon_on_one_side_is_free_below_it():
    labels = np.full((240, 320), CAR, np.uint8)
    for row in range(110, 240):
        labels[row, max(0, 210 - row):row + 10] = ROAD
    labels[110:125, 150:] = CAR  # at the horizon, row 120, all of it is on the left
    grid = project_corridor(find_corridor(labels, [ROAD]), GroundCamera(200, 200, 160.5, 120, 0.1, 0.0),
                            grid_shape(0.2, 30.0, 16.0))
    assert {FREE, OCCUPIED, UNKNOWN} == set(np.unique(grid))


CAMERAS = st.builds(
    GroundCamera, *[st.floats(5.0, 60.0)] * 2, st.floats(0.0, 24.0),
    st.floats(-10.0, 12.0) | st.integers(0, 12), height=st.floats(0.5, 5.0),
    pitch=st.floats(-0.2, 0.7) | st.just(0.0))
EXTREME_CAMERAS = st.builds(
    GroundCamera.from_calibration, st.tuples(
        st.floats(1.0, 1e6), st.just(0.0), st.floats(-1e6, 1e6), st.just(0.0), st.floats(1.0, 1e6),
        st.floats(-1e6, 1e6)), st.just(()), st.just((0.0,)), st.floats(0.05, 100.0), st.floats(-1.5, 1.5))
SHAPES = st.builds(grid_shape, st.floats(0.05, 1.0), st.floats(2.0, 60.0), st.floats(2.0, 20.0))


@st.composite
def _road_scenes(draw):
    """Labels with holes in a road, and their confidence."""
    height, width = draw(st.integers(1, 24)), draw(st.integers(1, 24))
    values = np.random.RandomState(draw(st.integers(0, 9999)))
    holes = draw(st.sampled_from([0.0, 0.01, 0.1, 0.5]))
    labels = values.choice(np.array([ROAD, CAR, UNLABELED], np.uint8), (height, width),
                           p=[1 - holes, holes * 0.7, holes * 0.3])
    confidence = np.where(values.uniform(size=labels.shape) < holes / 2, 99, 100).astype(np.uint8)
    return labels, confidence


def _pixels(camera, x, y):
    """Rows and columns, rounded, of ground points: the projection of a pinhole, written out."""
    sine, cosine = np.sin(camera.pitch), np.cos(camera.pitch)
    depth, down = x * cosine + camera.height * sine, camera.height * cosine - x * sine
    assert (depth > 0).all()
    return [np.rint(centre + focal * offset / depth).astype(int) for centre, focal, offset in (
        (camera.cy, camera.fy, down), (camera.cx, camera.fx, -y))]


@given(_road_scenes(), CAMERAS | EXTREME_CAMERAS, SHAPES)
def test_whatever_is_free_shows_sure_road_and_nothing_else(scene, camera, shape):
    labels, confidence = scene
    grid = project_corridor(find_corridor(labels, [ROAD], confidence, 100), camera, shape)
    assert grid.shape == (shape.rows, shape.columns) and set(np.unique(grid)) <= {FREE, OCCUPIED, UNKNOWN}
    cells = np.argwhere(grid == FREE)
    for inside in ((0.001, 0.001), (0.001, 0.999), (0.999, 0.001), (0.999, 0.999), (0.5, 0.5)):
        y, x = ((cells + inside) * shape.resolution).T
        rows, columns = _pixels(camera, x, y + shape.right_edge)
        assert ((rows >= 0) & (rows < len(labels)) & (columns >= 0) & (columns < labels.shape[1])).all()
        assert (labels[rows, columns] == ROAD).all() and (confidence[rows, columns] == 100).all()
