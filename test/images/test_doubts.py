"""Images that can be read and yet may not be what the camera saw."""

import cv2
import numpy as np
import pytest

from bisenet_core.images.compressed import decode_compressed
from bisenet_core.images.doubts import doubt_compressed, doubt_raw
from bisenet_core.images.encodings import ENCODINGS, ImageError, view_image


def doubt_step(data, height, width, encoding, step):
    """The doubts in a bright image of these bytes."""
    return doubt_raw(data, height, width, encoding, step, np.full((height, width), 255, np.uint8), 16)


def _layout(encoding, width=8, height=6):
    scaling = ENCODINGS[encoding].height_scaling
    return width * ENCODINGS[encoding].pixel_bytes, int(height * scaling)


@pytest.mark.parametrize("encoding", sorted(ENCODINGS))
def test_rows_longer_than_the_step_are_doubted_and_trailing_bytes_are_not(encoding):
    row, rows = _layout(encoding)
    for stride, step, doubted in ((row + 6, row, True), (2 * row, row, True), (row + 6, row + 4, True),
                                  (row, row, False), (row + 6, row + 6, False)):
        found = doubt_step(bytes(rows * stride), 6, 8, encoding, step)
        assert [one.kind for one in found] == ["step"] * doubted
        if doubted:
            assert f"step is {step} bytes" in found[0].text and f"rows of {stride}: if the" in found[0].text
    for trailing in (1, rows - 1, rows + 1, 4 * rows + 3):
        assert doubt_step(bytes(rows * row + trailing), 6, 8, encoding, row) == []
    missing_padding = bytes(rows * (row + 4) - 4)
    assert doubt_step(missing_padding, 6, 8, encoding, row + 4) == []


def test_a_single_row_cannot_be_sheared():
    assert doubt_step(bytes(100), 1, 8, "rgb8", 24) == []


def test_what_is_not_known_is_not_doubted():
    assert doubt_step(bytes(60), 6, 8, "nv24", 8) == []


@pytest.mark.parametrize("encoding", ["nv12", "nv21"])
@pytest.mark.parametrize("stride", [8, 12])
@pytest.mark.parametrize("factor", [1.5, 2])
def test_of_two_planes_the_bytes_decide(encoding, stride, factor):
    data = np.random.RandomState(0).randint(0, 256, 9 * stride).astype(np.uint8)
    expected, order = view_image(data, 6, 8, encoding, stride)
    step = int(factor * stride)
    found, found_order = view_image(data, 6, 8, encoding, step)
    np.testing.assert_array_equal(found, expected)
    assert found_order == order
    (doubt,) = doubt_step(data, 6, 8, encoding, step)
    assert doubt.text.endswith(f"rows of {stride}: read with that")
    with pytest.raises(ImageError, match=f"with step {step} needs .*, found {9 * stride - 1}"):
        view_image(data[:-1], 6, 8, encoding, step)


def test_any_step_is_wrong_where_two_planes_have_just_their_pixels():
    data = np.random.RandomState(0).randint(0, 256, 72).astype(np.uint8)
    np.testing.assert_array_equal(view_image(data, 6, 8, "nv12", 24)[0], view_image(data, 6, 8, "nv12", 8)[0])


def test_other_images_of_just_their_pixels_blame_the_step():
    with pytest.raises(ImageError, match="found 144, just those of rows without padding: check the step"):
        view_image(bytes(144), 6, 8, "rgb8", 36)


SIXTEEN = sorted(name for name in ENCODINGS if name.endswith("16"))


def _read(samples, encoding, bits=16, is_bigendian=False):
    """The image, and the kinds and texts of its doubts."""
    data = samples.astype(">u2" if is_bigendian else "<u2").tobytes()
    layout = *samples.shape, encoding, 2 * samples.shape[1]
    image, _ = view_image(data, *layout, is_bigendian, bits)
    return image, doubt_raw(data, *layout, image, bits, is_bigendian)


@pytest.mark.parametrize("encoding", SIXTEEN)
@pytest.mark.parametrize("bits", [8, 10, 12, 14])
@pytest.mark.parametrize("is_bigendian", [False, True])
def test_a_camera_of_fewer_bits_is_doubted_and_read_right_once_they_are_given(encoding, bits, is_bigendian):
    full = np.random.RandomState(bits).randint(0, 1 << 16, (24, 32)).astype(np.uint16)
    full[3, 5] = 65535
    expected, doubts = _read(full, encoding, 16, is_bigendian)
    assert doubts == []
    dark = full >> (16 - bits)
    _, doubts = _read(dark, encoding, 16, is_bigendian)
    assert [one.kind for one in doubts] == ["empty_bits"]
    assert doubts[0].text.endswith(f"where the camera has {bits}, set significant_bits to that")
    found, doubts = _read(dark, encoding, bits, is_bigendian)
    assert doubts == []
    np.testing.assert_array_equal(found, expected)


def test_a_black_image_is_not_doubted():
    for samples in (np.zeros((6, 8)), np.full((6, 8), 0x4000)):
        assert _read(samples, "mono16")[1] == []


@pytest.mark.parametrize("is_bigendian", [False, True])
def test_samples_above_their_bits_are_white_do_not_wrap_and_are_doubted(is_bigendian):
    samples = np.array([[0x0FFF, 0x1000, 0x3FFF, 0x0800]])
    image, (doubt,) = _read(samples, "mono16", 12, is_bigendian)
    assert image.tolist() == [[255, 255, 255, 128]] and doubt.kind == "extra_bits"
    assert "samples use 14 bits" in doubt.text and doubt.text.endswith("has 14, set significant_bits to that")
    assert _read(np.minimum(samples, 0x0FFF), "mono16", 12, is_bigendian)[1] == []
    assert _read(np.tile(samples, (4, 1)), "bayer_rggb16", 10, is_bigendian)[1][0].kind == "extra_bits"


@pytest.mark.parametrize("channels, description", [
    (1, "mono16; png compressed mono16"), (1, "bayer_rggb16; png compressed "),
    (3, "bgr16; png compressed bgr16")])
def test_a_16_bit_png_has_significant_bits_too(channels, description):
    shape = (24, 32) if channels == 1 else (24, 32, 3)
    full = np.random.RandomState(0).randint(0, 1 << 16, shape).astype(np.uint16)
    bright, dark = (cv2.imencode(".png", one)[1] for one in (full, full >> 4))
    expected, order = decode_compressed(bright, description)
    assert doubt_compressed(bright, expected, 16) == []
    (doubt,) = doubt_compressed(dark, decode_compressed(dark, description)[0], 16)
    assert "where the camera has 12" in doubt.text
    found, found_order = decode_compressed(dark, description, significant_bits=12)
    np.testing.assert_array_equal(found, expected)
    assert found_order == order and doubt_compressed(dark, found, 12) == []
    (doubt,) = doubt_compressed(bright, decode_compressed(bright, description, significant_bits=10)[0], 10)
    assert doubt.kind == "extra_bits" and "where the camera has 16" in doubt.text
    eight = cv2.imencode(".png", np.full(shape, 7, np.uint8))[1]  # a dark picture of 8 bits is only dark
    image = decode_compressed(eight, description, significant_bits=12)[0]
    assert image.max() == 7 and doubt_compressed(eight, image, 12) == []
