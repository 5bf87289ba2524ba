"""Conversions of raw encodings against values worked by hand, exact mosaics and BT.601 written out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bisenet_core.images.encodings import ENCODINGS, PACKED_YUV, ImageError, to_rgb, view_image

# BT.601 in video range: Y, U, V of pure colours, rounded; Rec. BT.601 with 219 and 224 levels.
COLOURS = {"red": ((255, 0, 0), (81, 90, 240)), "green": ((0, 255, 0), (145, 54, 34)),
           "blue": ((0, 0, 255), (41, 240, 110)), "white": ((255, 255, 255), (235, 128, 128)),
           "black": ((0, 0, 0), (16, 128, 128)), "grey": ((128, 128, 128), (126, 128, 128))}

# where Y0, U, Y1, V of two pixels lie
PACKED = {"uyvy": (1, 0, 3, 2), "yuv422": (1, 0, 3, 2), "yuyv": (0, 1, 2, 3), "yuv422_yuy2": (0, 1, 2, 3)}

# what lies at (row, column) of a cell of two by two, as an index into RGB
PATTERNS = {name: [["rgb".index(name[2 * row + column]) for column in (0, 1)] for row in (0, 1)]
            for name in ("rggb", "bggr", "gbrg", "grbg")}


def _padded(rows, padding):
    """Bytes of rows with padding behind each, and their step."""
    wide = np.pad(rows, ((0, 0), (0, padding)), "constant", constant_values=99)
    return wide.tobytes(), wide.shape[1]


def _mosaic(rgb, pattern):
    """What a sensor with this colour filter sees of HxWx3."""
    mosaic = np.empty(rgb.shape[:2], rgb.dtype)
    for row in (0, 1):
        for column in (0, 1):
            mosaic[row::2, column::2] = rgb[row::2, column::2, PATTERNS[pattern][row][column]]
    return mosaic


def _bt601(y, u, v):
    """Video-range YUV to RGB as the recommendation has it, in floating point."""
    y, u, v = (255 / 219 * (y.astype(float) - 16), 255 / 112 * (u.astype(float) - 128) / 2,
               255 / 112 * (v.astype(float) - 128) / 2)
    rgb = [y + 2 * 0.701 * v, y - 2 * 0.886 * 0.114 / 0.587 * u - 2 * 0.701 * 0.299 / 0.587 * v,
           y + 2 * 0.886 * u]
    return np.clip(np.stack(rgb, axis=-1), 0, 255)


def _read(rows, height, width, encoding, padding=0, is_bigendian=False):
    data, step = _padded(rows, padding)
    image, order = view_image(data, height, width, encoding, step, is_bigendian)
    if order in PACKED_YUV:
        assert image.shape == (height, width, 2)
        image, order = to_rgb(image, order), "rgb"
    assert image.dtype == np.uint8
    assert image.shape == ((height, width, 3) if order == "rgb" else (height, width))
    return image


@pytest.mark.parametrize("encoding", sorted(PACKED))
@pytest.mark.parametrize("colour", sorted(COLOURS))
def test_packed_yuv_of_pure_colours(colour, encoding):
    rgb, (y, u, v) = COLOURS[colour]
    pair = np.empty(4, np.uint8)
    pair[list(PACKED[encoding])] = y, u, y, v
    image = _read(np.tile(pair, (4, 3)), 4, 6, encoding, padding=5)
    assert np.abs(image.astype(int) - rgb).max() <= 2


@pytest.mark.parametrize("encoding, first", [("nv12", "u"), ("nv21", "v")])
@pytest.mark.parametrize("colour", sorted(COLOURS))
def test_planar_yuv_of_pure_colours(colour, encoding, first):
    rgb, (y, u, v) = COLOURS[colour]
    chroma = [u, v] if first == "u" else [v, u]
    rows = np.vstack([np.full((4, 6), y), np.tile(chroma, (2, 3))]).astype(np.uint8)
    image = _read(rows, 4, 6, encoding, padding=7)
    assert np.abs(image.astype(int) - rgb).max() <= 2


@given(st.integers(1, 9), st.integers(1, 9), st.sampled_from(sorted(PACKED)), st.integers(0, 9),
       st.integers(0, 99))
def test_packed_yuv_pixel_by_pixel(rows, pairs, encoding, padding, seed):
    raw = np.random.RandomState(seed).randint(0, 256, (rows, pairs, 4)).astype(np.uint8)
    y0, u, y1, v = (raw[..., index] for index in PACKED[encoding])
    luma = np.stack([y0, y1], axis=-1).reshape(rows, -1)
    expected = _bt601(np.maximum(luma, 16), u.repeat(2, axis=1), v.repeat(2, axis=1))
    image = _read(raw.reshape(rows, -1), rows, 2 * pairs, encoding, padding)
    assert np.abs(image - expected).max() <= 2


@given(st.integers(1, 9), st.integers(1, 9), st.sampled_from(["nv12", "nv21"]), st.integers(0, 9),
       st.integers(0, 99))
def test_planar_yuv_pixel_by_pixel(row_pairs, pairs, encoding, padding, seed):
    height, width = 2 * row_pairs, 2 * pairs
    raw = np.random.RandomState(seed).randint(0, 256, (height + row_pairs, width)).astype(np.uint8)
    chroma = raw[height:].reshape(row_pairs, pairs, 2).repeat(2, axis=0).repeat(2, axis=1)
    u, v = (chroma[..., index] for index in ((0, 1) if encoding == "nv12" else (1, 0)))
    expected = _bt601(np.maximum(raw[:height], 16), u, v)
    assert np.abs(_read(raw, height, width, encoding, padding) - expected).max() <= 2


@pytest.mark.parametrize("pattern", sorted(PATTERNS))
@pytest.mark.parametrize("rgb", [(255, 0, 0), (0, 255, 0), (0, 0, 255), (10, 120, 230)])
@pytest.mark.parametrize("size", [(3, 3), (5, 8), (6, 6)])
def test_a_scene_of_one_colour_comes_out_in_that_colour(pattern, rgb, size):
    scene = np.full(size + (3,), rgb, np.uint8)
    mosaic = _mosaic(scene, pattern)
    np.testing.assert_array_equal(_read(mosaic, *size, "bayer_" + pattern + "8", padding=3), scene)
    wide = np.stack([mosaic, 255 - mosaic], axis=-1).reshape(size[0], -1)
    np.testing.assert_array_equal(
        _read(wide, *size, "bayer_" + pattern + "16", padding=3, is_bigendian=True), scene)


@pytest.mark.parametrize("pattern", sorted(PATTERNS))
def test_a_demosaiced_picture_keeps_what_the_sensor_saw(pattern):
    scene = np.random.RandomState(0).randint(0, 256, (16, 20, 3)).astype(np.uint8)
    mosaic = _mosaic(scene, pattern)
    image = _read(mosaic, 16, 20, "bayer_" + pattern + "8")
    # OpenCV fills the outermost pixels from their neighbours
    seen = _mosaic(image, pattern)[1:-1, 1:-1]
    np.testing.assert_array_equal(seen, mosaic[1:-1, 1:-1])


@given(st.integers(3, 12), st.integers(3, 12), st.booleans(), st.integers(0, 9), st.integers(0, 99),
       st.sampled_from(["mono16", "bayer_rggb16", "bayer_grbg16"]))
def test_16_bit_samples_are_their_high_bytes_in_either_order(height, width, is_bigendian, padding, seed,
                                                             name):
    samples = np.random.RandomState(seed).randint(0, 65536, (height, width)).astype(np.uint16)
    raw = samples.astype(">u2" if is_bigendian else "<u2").view(np.uint8).reshape(height, -1)
    image = _read(raw, height, width, name, padding, is_bigendian)
    expected = _read((samples // 256).astype(np.uint8), height, width, name[:-2] + "8")
    np.testing.assert_array_equal(image, expected)


def test_16_bits_span_8_bits_within_one_level():
    samples = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    image = _read(samples.astype("<u2").view(np.uint8).reshape(256, -1), 256, 256, "mono16")
    assert (image.min(), image.max()) == (0, 255)
    assert np.abs(image - samples / 257).max() < 1
    np.testing.assert_array_equal(image.reshape(-1)[::257], np.arange(256))  # repeated bytes come back


def test_8uc_is_opencvs():
    pixels = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    image, order = view_image(pixels.tobytes(), 2, 3, "8UC3", 9)
    assert order == "bgr"
    np.testing.assert_array_equal(image, pixels)
    assert view_image(pixels.tobytes(), 2, 3, "8UC1", 9)[1] == "mono"


@pytest.mark.parametrize("encoding, height, width", [
    ("uyvy", 4, 5), ("yuyv", 4, 5), ("nv12", 4, 5), ("nv12", 5, 4), ("nv21", 5, 4), ("bayer_rggb8", 2, 8),
    ("bayer_grbg16", 8, 2)])
def test_sizes_an_encoding_cannot_have_are_refused(encoding, height, width):
    with pytest.raises(ImageError, match=f"{width}x{height} pixels; {encoding} needs") as error:
        view_image(bytes(500), height, width, encoding, 20)
    assert error.value.reason == "bad_size"


@pytest.mark.parametrize("encoding, needed", [("nv12", 6 * 10 - 2), ("uyvy", 4 * 20 - 4),
                                              ("mono16", 4 * 20 - 4)])
def test_the_bytes_that_are_needed(encoding, needed):
    layout = ENCODINGS[encoding]
    step = 8 * layout.pixel_bytes + (2 if encoding == "nv12" else 4)
    view_image(bytes(needed), 4, 8, encoding, step)
    with pytest.raises(ImageError, match=f"needs {needed} bytes, found {needed - 1}") as error:
        view_image(bytes(needed - 1), 4, 8, encoding, step)
    assert error.value.reason == "truncated"
    with pytest.raises(ImageError) as error:
        view_image(bytes(500), 4, 8, encoding, 8 * layout.pixel_bytes - 1)
    assert error.value.reason == "bad_step"
