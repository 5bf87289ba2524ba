"""Reading image messages: views of every encoding that needs no conversion, and images that lie."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bisenet_core.errors import InputError
from bisenet_core.images.encodings import ENCODINGS, ImageError, to_rgb, view_image

sizes = st.integers(1, 40)
VIEWED = sorted(name for name, encoding in ENCODINGS.items() if encoding.convert is None)
encodings = st.sampled_from(VIEWED)


def _message(height, width, encoding, padding, seed=0):
    """Random pixels, and the bytes of a message that holds them."""
    channels = ENCODINGS[encoding].pixel_bytes
    pixels = np.random.RandomState(seed).randint(0, 256, (height, width * channels)).astype(np.uint8)
    rows = np.pad(pixels, ((0, 0), (0, padding)), "constant", constant_values=7)
    shape = (height, width) if channels == 1 else (height, width, channels)
    return pixels.reshape(shape), bytearray(rows.tobytes()), rows.shape[1]


@given(sizes, sizes, encodings, st.integers(0, 9), st.integers(0, 99))
def test_view_shows_the_pixels_without_the_padding(height, width, encoding, padding, seed):
    width *= ENCODINGS[encoding].multiple[0]
    pixels, data, step = _message(height, width, encoding, padding, seed)
    image, order = view_image(data, height, width, encoding, step)
    assert order == ENCODINGS[encoding].color_order
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image, pixels)


def test_view_is_no_copy():
    _, data, step = _message(4, 5, "bgr8", 3)
    image, _ = view_image(data, 4, 5, "bgr8", step)
    data[step + 3] ^= 255
    assert image[1, 1, 0] == data[step + 3]
    assert image.strides == (step, 3, 1)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, lambda b: np.frombuffer(b, np.uint8)])
def test_any_buffer_will_do(kind):
    pixels, data, step = _message(3, 4, "rgb8", 2)
    np.testing.assert_array_equal(view_image(kind(data), 3, 4, "rgb8", step)[0], pixels)


def test_last_row_may_lack_its_padding_and_more_bytes_are_ignored():
    pixels, data, step = _message(3, 4, "mono8", 5)
    np.testing.assert_array_equal(view_image(data[:-5], 3, 4, "mono8", step)[0], pixels)
    np.testing.assert_array_equal(view_image(data + b"more", 3, 4, "mono8", step)[0], pixels)


@given(sizes, sizes, encodings, st.integers(0, 9), st.integers(1, 50))
def test_truncated_data_is_refused(height, width, encoding, padding, missing):
    width *= ENCODINGS[encoding].multiple[0]
    _, data, step = _message(height, width, encoding, padding)
    needed = len(data) - padding
    with pytest.raises(ImageError) as error:
        view_image(data[:max(0, needed - missing)], height, width, encoding, step)
    assert error.value.reason == "truncated"
    assert f"needs {needed} bytes, found {max(0, needed - missing)}" in str(error.value)


@given(st.integers(0, 4096), st.integers(0, 4096), st.sampled_from(sorted(ENCODINGS) + ["nv24", "8UC2", ""]),
       st.integers(0, 20000), st.integers(0, 3000))
def test_whatever_a_message_says_gives_an_image_or_one_line(height, width, encoding, step, length):
    try:
        image, _ = view_image(bytes(length), height, width, encoding, step)
    except ImageError as error:
        assert error.reason in ("unsupported_encoding", "zero_size", "bad_size", "bad_step", "truncated")
        assert "\n" not in str(error)
    else:
        assert image.shape[:2] == (height, width)
        assert (image == image[:1, :1]).all()  # reads every pixel; of YUV, zeros are green


def test_unsupported_encoding_names_itself_and_what_is_supported():
    with pytest.raises(InputError, match="unsupported encoding 'nv24'; expected one of rgb8, bgr8.*bayer_"):
        view_image(b"", 2, 2, "nv24", 2)
    with pytest.raises(InputError) as error:
        view_image(b"", 2, 2, "rgb8\n[FATAL] " + 100 * "x", 2)
    assert len(str(error.value).splitlines()) == 1


def test_step_below_a_row_is_refused():
    with pytest.raises(ImageError, match="step is 11 bytes; a row of a 4x2 rgb8 image needs") as error:
        view_image(bytes(100), 2, 4, "rgb8", 11)
    assert error.value.reason == "bad_step"


@pytest.mark.parametrize("encoding, channels", [("rgb8", [0, 1, 2]), ("bgr8", [2, 1, 0]),
                                                ("rgba8", [0, 1, 2]), ("bgra8", [2, 1, 0])])
def test_to_rgb_orders_the_channels(encoding, channels):
    pixels, data, step = _message(5, 6, encoding, 4)
    rgb = to_rgb(*view_image(data, 5, 6, encoding, step))
    np.testing.assert_array_equal(rgb, pixels[..., channels])
    assert rgb.flags.c_contiguous


def test_to_rgb_of_mono_repeats_it():
    pixels, data, step = _message(5, 6, "mono8", 1)
    rgb = to_rgb(*view_image(data, 5, 6, "mono8", step))
    np.testing.assert_array_equal(rgb, np.stack([pixels] * 3, axis=-1))


def test_to_rgb_copies_only_what_must_be_copied():
    image = np.zeros((4, 4, 3), np.uint8)
    assert to_rgb(image, "rgb") is image
