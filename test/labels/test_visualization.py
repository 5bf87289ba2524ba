import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bisenet_core.errors import InputError
from bisenet_core.labels.label_space import CAMVID_11, CITYSCAPES_19
from bisenet_core.labels.visualization import colourise, legend, overlay


@given(arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9))))
def test_colourise_looks_every_label_up(labels):
    colors = colourise(labels, CAMVID_11)
    assert (colors == CAMVID_11.palette_lut()[labels]).all()


def test_overlay_blends_and_leaves_pixels_without_a_class_alone():
    image = np.full((1, 3, 3), 100, np.uint8)
    labels = np.array([[3, 255, 11]], np.uint8)
    blended = overlay(image, labels, CAMVID_11, alpha=0.5)
    assert blended[0].tolist() == [[114, 82, 114], [100, 100, 100], [100, 100, 100]]
    assert (image == 100).all()


@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_overlay_reaches_both_ends(alpha):
    image = np.random.default_rng(0).integers(0, 256, (5, 4, 3), dtype=np.uint8)
    labels = np.random.default_rng(1).integers(0, 11, (5, 4), dtype=np.uint8)
    expected = colourise(labels, CAMVID_11) if alpha else image
    assert (overlay(image, labels, CAMVID_11, alpha) == expected).all()


def test_bad_overlays_are_refused():
    image, labels = np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4), np.uint8)
    with pytest.raises(InputError, match="alpha is 1.5"):
        overlay(image, labels, CAMVID_11, 1.5)
    with pytest.raises(InputError, match="the labels need"):
        overlay(image[:2], labels, CAMVID_11)
    with pytest.raises(InputError, match="expected uint8 HxW"):
        colourise(labels.astype(np.int32), CAMVID_11)


@pytest.mark.parametrize("width", [1, 480, 4000])
@pytest.mark.parametrize("space", [CAMVID_11, CITYSCAPES_19], ids=lambda space: space.name)
def test_legend_shows_every_color(space, width):
    strip = legend(space, width)
    assert strip.dtype == np.uint8 and strip.shape[1] >= width
    shown = {tuple(color) for color in strip.reshape(-1, 3).tolist()}
    assert set(space.palette) <= shown
