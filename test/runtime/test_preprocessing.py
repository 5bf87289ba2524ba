import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bisenet_core.errors import InputError
from bisenet_core.images.encodings import PACKED_YUV, to_rgb
from bisenet_core.runtime.preprocessing import (
    COLOR_CHANNELS,
    check_image,
    fit_image,
    network_statistics,
    normalisation_tables,
    normalise,
)


def random_image(shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def in_order(rgb, color_order):
    """The same picture, RGB, in another colour order; alpha is noise, which must not matter."""
    if color_order == "mono":
        return np.ascontiguousarray(rgb[..., 0])
    image = rgb if color_order.startswith("rgb") else rgb[..., ::-1]
    if color_order.endswith("a"):
        image = np.dstack([image, random_image(rgb.shape[:2], seed=9)])
    return np.ascontiguousarray(image)


def fitted(image, color_order, network_order="rgb", size=(24, 16)):
    out = np.empty((size[1], size[0], 3), np.uint8)
    fit_image(image, color_order, network_order, out)
    return out


@pytest.mark.parametrize("size", [(30, 20), (24, 16), (11, 50)])
@pytest.mark.parametrize("network_order", ["rgb", "bgr"])
@pytest.mark.parametrize("color_order", sorted(set(COLOR_CHANNELS) - set(PACKED_YUV)))
def test_every_color_order_gives_the_same_picture(color_order, network_order, size):
    rgb = random_image((size[1], size[0], 3))
    if color_order == "mono":
        rgb[...] = rgb[..., :1]
    result = fitted(in_order(rgb, color_order), color_order, network_order)
    expected = cv2.resize(rgb, (24, 16), interpolation=cv2.INTER_LINEAR)
    assert (result == (expected if network_order == "rgb" else expected[..., ::-1])).all()


@pytest.mark.parametrize("size", [(30, 20), (24, 16), (12, 50)])
@pytest.mark.parametrize("network_order", ["rgb", "bgr"])
@pytest.mark.parametrize("color_order", PACKED_YUV)
def test_yuv_is_what_its_rgb_is(color_order, network_order, size):
    image = random_image((size[1], size[0], 2))
    expected = fitted(to_rgb(image, color_order), "rgb", network_order)
    assert (fitted(image, color_order, network_order) == expected).all()


@pytest.mark.parametrize("color_order", PACKED_YUV)
def test_yuv_of_odd_width_is_refused(color_order):
    check_image(random_image((5, 4, 2)), color_order)
    with pytest.raises(InputError, match=f"the image is 5 pixels wide; {color_order} needs an even width"):
        check_image(random_image((4, 5, 2)), color_order)


@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 5))
def test_resizing_is_bilinear_with_half_pixel_centres(width, height, seed):
    image = random_image((height, width, 3), seed)
    expected = image.astype(float)
    for axis, target in ((0, 16), (1, 24)):
        last = image.shape[axis] - 1
        source = np.clip((np.arange(target) + 0.5) * (last + 1) / target - 0.5, 0, last)
        low = np.floor(source).astype(int)
        high = np.minimum(low + 1, last)
        weight = (source - low).reshape((-1, 1, 1) if axis == 0 else (1, -1, 1))
        expected = expected.take(low, axis) * (1 - weight) + expected.take(high, axis) * weight
    assert np.abs(fitted(image, "rgb") - expected).max() <= 1.0  # cv2 computes in fixed point


@pytest.mark.parametrize("color_order", sorted(COLOR_CHANNELS))
@pytest.mark.parametrize("size", [(24, 16), (40, 30)])
def test_strided_and_read_only_views_give_what_copies_give(color_order, size):
    channels = COLOR_CHANNELS[color_order]
    padded = random_image((size[1], size[0] * channels + 5))
    view = padded[:, :size[0] * channels]
    if channels > 1:
        strides = (padded.strides[0], channels, 1)
        view = np.lib.stride_tricks.as_strided(view, (size[1], size[0], channels), strides)
    copy = view.copy()
    view.setflags(write=False)
    assert (fitted(view, color_order) == fitted(copy, color_order)).all()
    assert (view == copy).all()


def test_a_bottom_up_image_is_taken_as_it_looks():
    image = random_image((20, 30, 3))
    assert (fitted(image[::-1], "rgb") == fitted(image[::-1].copy(), "rgb")).all()
    assert (fitted(image[..., ::-1], "bgr") == fitted(image, "rgb")).all()


def test_normalisation_is_the_definition():
    image, out = random_image((16, 24, 3)), np.empty((1, 3, 16, 24), np.float32)
    mean, std = (0.1, 0.2, 0.3), (0.4, 0.5, 0.6)
    normalise(image, normalisation_tables(mean, std), out)
    expected = (image / 255.0 - mean) / std
    np.testing.assert_allclose(out[0].transpose(1, 2, 0), expected, atol=1e-6)


def test_statistics_follow_the_networks_channels():
    assert network_statistics((1, 2, 3), (4, 5, 6), "bgr") == ((3, 2, 1), (6, 5, 4))
    assert network_statistics((1, 2, 3), (4, 5, 6), "rgb") == ((1, 2, 3), (4, 5, 6))


@pytest.mark.parametrize("image, color_order, message", [
    (np.zeros((4, 5), np.uint8), "rgb", r"uint8 4x5; expected uint8 HxWx3 \(rgb\)"),
    (np.zeros((4, 5, 3), np.uint8), "bgra", "4x5x3; expected uint8 HxWx4"),
    (np.zeros((4, 5, 3), np.uint8), "mono", "expected uint8 HxW "),
    (np.zeros((4, 5, 3), np.float32), "rgb", "float32 4x5x3"),
    (np.zeros((0, 5, 3), np.uint8), "rgb", "empty: 5x0"),
    (np.zeros((4, 5, 3), np.uint8), "yuv", "unknown color_order 'yuv'; expected one of rgb"),
    ([[1, 2]], "mono", "the image is a list"),
])
def test_bad_images_are_refused(image, color_order, message):
    with pytest.raises(InputError, match=message):
        check_image(image, color_order)
