"""GroundCamera against the renderer's camera, and there and back."""

import math

import numpy as np
import pytest

from bisenet_core.errors import InputError
from bisenet_core.labels.ground_camera import GroundCamera


def test_level_camera_by_hand():
    camera = GroundCamera(100.0, 100.0, 50.0, 40.0, 1.5, 0.0)
    assert camera.forward(np.array([50.0]))[0] == pytest.approx(15.0)  # b = 0.1
    assert camera.left(np.array([50.0]), np.array([60.0]))[0] == pytest.approx(-1.5)
    assert np.isinf(camera.forward(np.array([40.0, 3.0]))).all()


def test_positive_pitch_looks_down():
    camera = GroundCamera(100.0, 100.0, 50.0, 40.0, 1.5, math.radians(45))
    assert camera.forward(np.array([40.0]))[0] == pytest.approx(1.5)


@pytest.mark.parametrize("pitch", [-0.1, 0.0, 0.3])
def test_row_is_the_inverse_of_forward(pitch):
    camera = GroundCamera(400.0, 380.0, 239.5, 179.5, 1.3, pitch)
    distances = np.linspace(1.0, 60.0, 50)
    np.testing.assert_allclose(camera.forward(camera.row(distances)), distances)


def test_ground_behind_the_image_plane_has_no_row():
    assert np.isinf(GroundCamera(100.0, 100.0, 50.0, 40.0, 1.5, -0.2).row(np.array([0.0]))).all()


K = (100.0, 0.0, 50.0, 0.0, 90.0, 40.0, 0.0, 0.0, 1.0)
P = (80.0, 0.0, 51.0, -7.0, 0.0, 70.0, 41.0, 0.0, 0.0, 0.0, 1.0, 0.0)
NO_P = (0.0,) * 12


@pytest.mark.parametrize("d, p, expected", [
    ((), NO_P, (100, 90, 50, 40)),
    ((0.0,) * 5, NO_P, (100, 90, 50, 40)),
    ((), P, (80, 70, 51, 41)),
    ((-0.3, 0.1, 0.0, 0.0, 0.0), P, (80, 70, 51, 41)),
])
def test_the_camera_is_that_of_the_rectified_image(d, p, expected):
    assert GroundCamera.from_calibration(K, d, p, 1.5, 0.1) == GroundCamera(*expected, 1.5, 0.1)


def test_a_camera_that_distorts_and_has_no_p_is_refused():
    with pytest.raises(InputError, match="distortion D but no P.*label the rectified image of image_proc"):
        GroundCamera.from_calibration(K, (-0.3, 0.1, 0.0, 0.0, 0.0), NO_P, 1.5, 0.0)


@pytest.mark.parametrize("k, p, line", [
    ((0.0,) * 9, NO_P, "K has fx 0, fy 0, cx 0, cy 0; expected a calibrated camera"),
    ((math.nan,) * 9, NO_P, "K has fx nan"),
    (K, (80.0,) + (0.0,) * 11, "P has fx 80, fy 0, cx 0, cy 0"),
    ((1e-300, *K[1:]), NO_P, "K has fx 1e-300"),
    (K, (math.inf, *P[1:]), "P has fx inf"),
])
def test_a_camera_without_calibration_is_refused(k, p, line):
    with pytest.raises(InputError, match=line):
        GroundCamera.from_calibration(k, (), p, 1.5, 0.0)
