"""Images that can be read and yet may not be what the camera saw."""

import numpy as np
import pytest

from bisenet_core.images.doubts import doubt_step
from bisenet_core.images.encodings import ENCODINGS, ImageError, view_image


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
