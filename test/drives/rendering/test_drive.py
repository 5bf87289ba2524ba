"""The rendered drive: repeatable, exactly labelled, and in motion."""

import math

import numpy as np
import pytest

from bisenet_core.drives.rendering import RenderedDrive
from bisenet_core.drives.rendering.camera import Camera
from bisenet_core.drives.rendering.ground import KERB, KERB_HEIGHT
from bisenet_core.labels.label_space import CAMVID_11, UNLABELED

ROAD, PAVEMENT, SKY = (CAMVID_11.id_of(name) for name in ("Road", "Pavement", "Sky"))


@pytest.fixture(scope="module")
def drive():
    return RenderedDrive(width=240, height=180, seed=3, frames=90)


@pytest.fixture(scope="module")
def frames(drive):
    return {index: drive[index] for index in range(0, 90, 9)}


def test_same_arguments_give_the_same_frames_in_any_order(frames):
    again = RenderedDrive(width=240, height=180, seed=3, frames=90)
    for index in (45, 9):
        for first, second in zip(frames[index], again[index]):
            assert np.array_equal(first, second)


def test_another_seed_gives_another_street(frames):
    image, labels = RenderedDrive(width=240, height=180, seed=4, frames=90)[9]
    assert (labels != frames[9][1]).mean() > 0.05
    assert not np.array_equal(image, frames[9][0])


@pytest.mark.parametrize("width,height", [(321, 243), (16, 50)])
def test_any_size(width, height):
    image, labels = RenderedDrive(width=width, height=height, frames=2)[1]
    assert image.shape == (height, width, 3) and image.dtype == np.uint8
    assert labels.shape == (height, width) and labels.dtype == np.uint8


def test_a_larger_picture_shows_the_same_scene(drive, frames):
    large = RenderedDrive(width=480, height=360, seed=3, frames=90)[18][1]
    small = frames[18][1]
    assert (large[::2, ::2] == small).mean() > 0.93


def test_labels_are_class_ids_and_every_class_appears(frames):
    seen = np.unique(np.concatenate([labels.ravel() for _, labels in frames.values()]))
    assert set(range(CAMVID_11.num_classes)) <= set(seen.tolist())
    assert set(seen.tolist()) <= {*range(CAMVID_11.num_classes), UNLABELED}


def test_classes_take_plausible_shares(frames):
    share = np.mean(
        [np.bincount(labels.ravel(), minlength=256) / labels.size for _, labels in frames.values()], 0
    )
    assert share[ROAD] > 0.2 and share[SKY] > 0.06
    assert share[CAMVID_11.id_of("Building")] > 0.1
    assert share[UNLABELED] < 0.02


def _label_at(drive, index, labels, x, y, z):
    """Label where a place (metres right of the middle, up, ahead of the camera) shows; None outside."""
    camera = drive.camera(index)
    place = drive.street.place(x, y, camera.position[2] + z)
    (u, v), depth = (part[0] for part in camera.project(place[None]))
    column, row = round(u), round(v)
    inside = depth > 0 and 0 <= column < camera.width and 0 <= row < camera.height
    return labels[row, column] if inside else None


def test_the_ground_in_front_of_us_is_road(drive, frames):
    for index, (_, labels) in frames.items():
        for z in (3.2, 3.6, 4.0, 4.6):
            assert _label_at(drive, index, labels, -1.35, 0.0, z) == ROAD


def test_pavement_begins_at_the_kerb(drive, frames):
    """Where nothing hides them, road and pavement lie on their own sides of the projected kerb."""
    ground = (ROAD, PAVEMENT)
    checked = 0
    for index, (_, labels) in frames.items():
        for z in np.arange(6.0, 14.0, 0.5):
            inside = _label_at(drive, index, labels, -KERB + 0.25, 0.0, z)
            outside = _label_at(drive, index, labels, -KERB - 0.25, KERB_HEIGHT, z)
            if inside in ground and outside in ground:
                assert (inside, outside) == (ROAD, PAVEMENT)
                checked += 1
    assert checked > 10


def _horizon_row(camera):
    """Row (fractional) where the ground plane meets the sky."""
    return camera.centre[1] + camera.focal * math.tan(camera.pitch)


def test_nothing_on_the_ground_is_above_the_horizon(drive, frames):
    for index, (_, labels) in frames.items():
        above = labels[:int(_horizon_row(drive.camera(index))) - 1]
        assert not np.isin(above, (ROAD, PAVEMENT)).any()


def test_sky_is_brighter_than_road(frames):
    for image, labels in frames.values():
        assert image[labels == SKY].mean() > image[labels == ROAD].mean() + 60


def test_labels_follow_edges_of_the_image(frames):
    """Class borders lie on brightness edges: moving the labels a few pixels must fit the image less well."""
    def spread_within_classes(image, labels):
        grey = image.mean(2)
        return sum(grey[labels == k].var() * (labels == k).mean() for k in np.unique(labels))

    for image, labels in frames.values():
        exact = spread_within_classes(image, labels)
        assert all(spread_within_classes(image, np.roll(labels, shift, axis=1)) > exact for shift in (-3, 3))


def test_the_drive_moves(drive, frames):
    images = [frames[index][0].astype(int) for index in (0, 9, 18)]
    assert np.abs(images[0] - images[1]).mean() > 5
    assert drive.camera(89).position[2] - drive.camera(0).position[2] == pytest.approx(6.5 * 89 / 15, abs=2.0)


def test_consecutive_frames_are_alike_but_not_noise_free(drive):
    first, second = (drive[index][0].astype(int) for index in (0, 1))
    assert 1 < np.abs(first - second).mean() < 25


def test_it_is_a_sequence(drive):
    assert len(drive) == 90
    assert np.array_equal(drive[-1][1], drive[89][1])
    for index in (90, -91):
        with pytest.raises(IndexError):
            drive[index]


@pytest.mark.parametrize("wrong", [{"width": 0}, {"height": 8}, {"frames": 0}, {"rate": 0.0}])
def test_senseless_arguments_are_refused(wrong):
    with pytest.raises(ValueError, match="expected"):
        RenderedDrive(**wrong)


def test_camera_projects_and_casts_rays_alike():
    camera = Camera(97, 61, (1.0, 1.3, 5.0), yaw=0.2, pitch=-0.05)
    pixel, depth = camera.project(np.array(camera.position)[None] + 7.0 * camera.rays()[50, 70])
    assert np.allclose(pixel[0], (70, 50), atol=1e-3) and depth[0] == pytest.approx(7.0, abs=1e-4)


def test_a_point_below_the_horizon_meets_the_ground():
    camera = Camera(97, 61, (0.0, 1.3, 0.0), pitch=0.03)
    far, _ = camera.project(np.array([[0.0, 0.0, 1e6]]))
    assert far[0, 1] == pytest.approx(_horizon_row(camera), abs=0.01)
