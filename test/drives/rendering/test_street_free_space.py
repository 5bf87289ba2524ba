"""The corridor and its grid against the rendered street's own geometry."""

import sys
from pathlib import Path

import numpy as np
import pytest

from bisenet_core.drives.rendering import RenderedDrive
from bisenet_core.drives.rendering.ground import KERB
from bisenet_core.labels.ground_camera import GroundCamera
from bisenet_core.labels.label_space import CAMVID_11, UNLABELED
from bisenet_core.runtime.segmenter import Segmenter

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "examples"))

from free_space import (
    FREE,
    OCCUPIED,
    UNKNOWN,
    find_corridor,
    grid_shape,
    project_corridor,
)

ROAD, CAR = CAMVID_11.id_of("Road"), CAMVID_11.id_of("Car")
SHAPE = grid_shape(0.2, 30.0, 16.0)
FRAMES = range(0, 90, 15)


@pytest.fixture(scope="module")
def drive():
    return RenderedDrive(width=480, height=360, seed=3, frames=90)


def ground_camera(camera):
    """The renderer's camera as a planner knows it; the renderer's pitch is up."""
    return GroundCamera(camera.focal, camera.focal, *camera.centre, camera.position[1], -camera.pitch)


def true_edges(drive, camera, forward):
    """y in metres of the road's right and left edge at ``forward`` metres along the view."""
    z = camera.position[2] + np.linspace(-10, 60, 14001)
    sine, cosine = np.sin(camera.yaw), np.cos(camera.yaw)
    edges = []
    for side in (1, -1):  # x grows to the right
        x, ahead = drive.street.middle(z) + side * KERB - camera.position[0], z - camera.position[2]
        edges.append(np.interp(forward, sine * x + cosine * ahead, -(cosine * x - sine * ahead)))
    return edges


def empty_street(drive, camera):
    """Exact labels of the ground alone: nothing stands on it."""
    return drive.painter.paint(drive.street.ground, camera)[1]


def footprint(camera, forward):
    """Metres between the ground of two neighbouring rows, and of two columns."""
    focal, height = camera.focal, camera.position[1]
    return forward ** 2 / (focal * height), forward / focal


@pytest.mark.parametrize("index", FRAMES)
def test_width_and_position_on_an_empty_street(drive, index):
    camera = drive.camera(index)
    grid = project_corridor(find_corridor(empty_street(drive, camera), [ROAD]), ground_camera(camera), SHAPE)
    checked = 0
    for column in range(SHAPE.columns):
        cells = np.flatnonzero(grid[:, column] == FREE)
        forward = (column + 0.5) * SHAPE.resolution
        if not len(cells) or forward < 12:  # nearer, the image's border ends the road
            continue
        assert len(cells) == cells[-1] - cells[0] + 1
        found = SHAPE.right_edge + SHAPE.resolution * np.array([cells[0], cells[-1] + 1])
        right, left = true_edges(drive, camera, forward)
        # One cell, for what is partly covered is not free; what the edge moves sideways over a row and a cell
        # along a street at an angle; and a pixel's width.
        row, pixel = footprint(camera, forward)
        bound = SHAPE.resolution + 0.15 * (row + SHAPE.resolution) + pixel
        assert right - pixel <= found[0] <= right + bound
        assert left - bound <= found[1] <= left + pixel
        checked += 1
    assert checked > 80


@pytest.mark.parametrize("index", FRAMES)
def test_among_traffic_nothing_beyond_the_kerb_is_free(drive, index):
    camera = drive.camera(index)
    corridor = find_corridor(drive[index][1], [ROAD])
    grid = project_corridor(corridor, ground_camera(camera), SHAPE)
    assert (grid == FREE).sum() > 100 and (grid == OCCUPIED).any()
    for column in range(SHAPE.columns):
        cells = np.flatnonzero(grid[:, column] == FREE)
        if len(cells):
            forward = (column + 0.5) * SHAPE.resolution
            right, left = true_edges(drive, camera, forward)
            slack = footprint(camera, forward)[1] + 0.15 * SHAPE.resolution
            assert SHAPE.right_edge + SHAPE.resolution * cells[0] >= right - slack
            assert SHAPE.right_edge + SHAPE.resolution * (cells[-1] + 1) <= left + slack


@pytest.mark.parametrize("distance", [6.0, 12.0, 20.0])
def test_a_wall_across_the_road_ends_it_where_it_stands(drive, distance):
    camera = drive.camera(0)
    labels, ground = empty_street(drive, camera), ground_camera(camera)
    labels[:int(np.floor(ground.row(distance))) + 1] = CAR
    grid = project_corridor(find_corridor(labels, [ROAD]), ground, SHAPE)
    ahead = int(np.flatnonzero((grid == FREE).any(0))[-1] + 1) * SHAPE.resolution
    row, _ = footprint(camera, distance)
    assert distance - SHAPE.resolution - 2 * row <= ahead <= distance
    middle = SHAPE.rows // 2
    assert grid[middle, round(ahead / SHAPE.resolution)] == OCCUPIED
    assert (grid[:, round(ahead / SHAPE.resolution) + 1:] == UNKNOWN).all()


def test_what_has_no_class_ends_the_corridor_and_is_not_occupied(drive):
    camera = drive.camera(0)
    labels, ground = empty_street(drive, camera), ground_camera(camera)
    labels[labels != ROAD] = UNLABELED
    grid = project_corridor(find_corridor(labels, [ROAD]), ground, SHAPE)
    assert (grid == FREE).any() and not (grid == OCCUPIED).any()


@pytest.fixture(scope="module")
def network():
    pytest.importorskip("openvino", reason="the network runs with OpenVINO")
    with Segmenter.open("camvid_bisenetv2") as segmenter:
        yield segmenter


@pytest.mark.parametrize("index", FRAMES)
@pytest.mark.parametrize("unlabels", [False, True], ids=["confidence", "the node's min_confidence"])
def test_where_the_network_is_unsure_of_the_edges_they_are_occupied_all_the_same(
        drive, network, index, unlabels):
    camera, found = drive.camera(index), network.segment(drive[index][0], "rgb", True)
    labels, confidence = found.labels, found.confidence
    if unlabels:
        labels, confidence = np.where(confidence < 128, UNLABELED, labels).astype(np.uint8), None
    grid = project_corridor(find_corridor(labels, [ROAD], confidence, 128), ground_camera(camera), SHAPE)
    sides = list(visible_sides(drive, camera, grid))
    # What remains has sure road beyond the unsure. Where every pixel needs confidence, it is 0.1 to 0.5.
    assert len(sides) > 100 and np.mean(sides) > 0.85
    beyond = np.flatnonzero((grid == FREE).any(0))[-1] + 1
    assert beyond == SHAPE.columns or (grid[:, beyond] == OCCUPIED).any()


def visible_sides(drive, camera, grid):
    """For each end of the free cells of a column where the image shows the kerb: is it occupied there?"""
    ground = ground_camera(camera)
    for column in np.flatnonzero((grid == FREE).any(0)):
        cells, forward = np.flatnonzero(grid[:, column] == FREE), (column + 0.5) * SHAPE.resolution
        depth = forward * np.cos(ground.pitch) + ground.height * np.sin(ground.pitch)
        for y, beside in zip(true_edges(drive, camera, forward), (cells[0] - 1, cells[-1] + 1)):
            if 0 <= ground.cx - ground.fx * y / depth <= camera.width - 1 and 0 <= beside < SHAPE.rows:
                yield grid[beside, column] == OCCUPIED
