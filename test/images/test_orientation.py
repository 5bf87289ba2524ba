"""Pixels come as they are stored, whatever turn a tag of the file asks for."""

import struct
import zlib

import cv2
import numpy as np
import pytest

from bisenet_core.errors import InputError
from bisenet_core.images.orientation import asks_for_turn, decode_as_stored

PICTURE = np.random.RandomState(0).randint(0, 256, (24, 32, 3)).astype(np.uint8)


def exif(value, order=">"):
    """An EXIF block with a tag before that of orientation."""
    signature = b"MM\0*" if order == ">" else b"II*\0"
    entries = struct.pack(order + "HHHIHH", 2, 0x0100, 3, 1, 7, 0)
    entries += struct.pack(order + "HHIHH", 0x0112, 3, 1, value, 0)
    return signature + struct.pack(order + "I", 8) + entries + bytes(4)


def tagged(suffix, block):
    """The picture as cv2 writes it, with this EXIF block."""
    data = cv2.imencode(suffix, PICTURE)[1].tobytes()
    if suffix == ".jpg":
        body = b"Exif\0\0" + block
        return data[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + data[2:]
    chunk = b"eXIf" + block
    checksum = struct.pack(">I", zlib.crc32(chunk) & 0xFFFFFFFF)
    return data[:33] + struct.pack(">I", len(block)) + chunk + checksum + data[33:]  # behind the header


def tiff(value):
    """The picture as an uncompressed TIFF of this orientation."""
    height, width = PICTURE.shape[:2]
    end = 8 + 2 + 10 * 12 + 4
    entries = [(256, 3, 1, width), (257, 3, 1, height), (258, 3, 3, end), (259, 3, 1, 1), (262, 3, 1, 2),
               (273, 4, 1, end + 6), (274, 3, 1, value), (277, 3, 1, 3), (278, 3, 1, height),
               (279, 4, 1, PICTURE.size)]
    directory = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return (b"II*\0" + struct.pack("<IH", 8, len(entries)) + directory + bytes(4)
            + struct.pack("<HHH", 8, 8, 8) + PICTURE[..., ::-1].tobytes())


def test_no_tag_asks_for_nothing():
    for suffix in (".jpg", ".png", ".bmp"):
        assert not asks_for_turn(cv2.imencode(suffix, PICTURE)[1].tobytes())
    assert not asks_for_turn(b"") and decode_as_stored(b"no image") is None


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_every_turn_is_seen_and_none_is_made(suffix, order):
    plain = cv2.imdecode(np.frombuffer(tagged(suffix, exif(1)), np.uint8), cv2.IMREAD_COLOR)
    for value in range(10):
        data = tagged(suffix, exif(value, order))
        assert asks_for_turn(data) == (2 <= value <= 8)
        np.testing.assert_array_equal(decode_as_stored(data), plain)


def test_a_tiff_is_not_turned_either():
    for value in range(2, 9):
        data = tiff(value)
        assert asks_for_turn(data)
        np.testing.assert_array_equal(decode_as_stored(data), PICTURE)


def test_a_damaged_block_asks_for_nothing():
    block = exif(6)
    for length in range(len(block) - 6):
        assert not asks_for_turn(tagged(".jpg", block[:length])[:12 + length])
    far = b"MM\0*" + struct.pack(">I", 2**31)
    assert not asks_for_turn(tagged(".png", far))


@pytest.mark.parametrize("order", [b"II+\0", b"MM\0+"])
def test_a_bigtiff_whose_tag_is_not_read_is_refused(order):
    with pytest.raises(InputError, match="is a BigTIFF"):
        decode_as_stored(order + bytes(60))


def test_an_image_of_more_pixels_than_opencv_decodes_is_refused_in_a_line():
    data = bytearray(cv2.imencode(".jpg", PICTURE)[1].tobytes())
    place = data.index(b"\xff\xc0") + 5
    data[place:place + 4] = struct.pack(">HH", 65000, 65000)
    with pytest.raises(InputError, match="^has more pixels than the 2.27"):
        decode_as_stored(bytes(data))
