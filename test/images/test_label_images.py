"""Class ids come out of a label image exactly as they are stored, or it is refused by what it is."""

import struct
import zlib

import cv2
import numpy as np
import pytest

from bisenet_core.images.encodings import ImageError
from bisenet_core.images.label_images import decode_labels, view_labels

IDS = np.arange(35, dtype=np.uint8).reshape(5, 7)  # odd sides: rows of 1, 2 and 4 bits end within a byte
EXIF_TURNED = b"MM\0*\0\0\0\x08\0\1\x01\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0"
GREY, PALETTE, GREY_ALPHA = 0, 3, 4  # colour types


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(ids, bits, colour_type, more=b""):
    """A PNG of these samples; ``more``: chunks before its pixels."""
    wide = np.unpackbits(ids.astype(">u2").view(np.uint8).reshape(*ids.shape, 2), axis=2)
    rows = np.packbits(wide[..., 16 - bits:].reshape(len(ids), -1), axis=1)
    header = struct.pack(">IIBBBBB", ids.shape[1], ids.shape[0], bits, colour_type, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + more + chunk(b"IDAT", pixels)
            + chunk(b"IEND", b""))


def refusal(read, *arguments, **options):
    with pytest.raises(ImageError) as caught:
        read(*arguments, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("more", [
    b"", chunk(b"eXIf", EXIF_TURNED), chunk(b"gAMA", struct.pack(">I", 10000)), chunk(b"tRNS", b"\0\1")],
    ids=["plain", "orientation", "gamma", "transparent value"])
@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_grey_of_every_depth_is_read_as_stored(bits, more):
    ids = IDS % min(1 << bits, 255)
    found = decode_labels(png(ids, bits, GREY, more))
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, ids)


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_palette_is_read_by_its_indices(bits):
    ids, colours = IDS % min(1 << bits, 255), bytes(range(255, 255 - 3 * min(1 << bits, 64), -1))
    transparent = chunk(b"tRNS", b"\0\x80")
    np.testing.assert_array_equal(decode_labels(png(ids, bits, PALETTE, chunk(b"PLTE", colours))), ids)
    np.testing.assert_array_equal(
        decode_labels(png(ids, bits, PALETTE, chunk(b"PLTE", colours) + transparent)), ids)


def test_ids_above_255_are_refused_by_the_first_of_them():
    assert "it holds id 256" in refusal(decode_labels, png(IDS.astype(np.uint16) + 250, 16, GREY))
    raw = np.array([[3, 26001]], "<u2")
    assert "it holds id 26001" in refusal(view_labels, raw.tobytes(), 1, 2, "mono16", 4)


@pytest.mark.parametrize(("data", "words"), [
    (cv2.imencode(".jpg", IDS)[1].tobytes(), "it is a JPEG, whose compression changes ids"),
    (cv2.imencode(".png", np.dstack([IDS] * 3))[1].tobytes(), "it is a colour image;"),
    (cv2.imencode(".png", np.dstack([IDS] * 4))[1].tobytes(), "a colour image with an alpha channel"),
    (cv2.imencode(".webp", np.dstack([IDS] * 3))[1].tobytes(), "no PNG, but begins with 52494646"),
    (cv2.imencode(".bmp", IDS)[1].tobytes(), "it is no PNG, but begins with 424d"),
    (b"", "it is empty"),
    (png(IDS, 8, GREY)[:-20], "bytes end before the image does"),
    (png(IDS, 8, GREY).replace(b"IDAT", b"IDAU"), "checksum"),
    (png(IDS, 8, GREY)[:8] + chunk(b"IEND", b""), "does not begin with its header"),
], ids=["jpeg", "colour", "alpha", "webp", "bmp", "empty", "cut", "checksum", "no header"])
def test_other_files_are_refused_by_what_they_are(data, words):
    assert words in refusal(decode_labels, data)


def test_grey_with_alpha_and_too_many_pixels_are_refused():
    assert "a grey image with an alpha" in refusal(decode_labels, png(IDS, 8, GREY_ALPHA))
    assert "at most 34" in refusal(decode_labels, png(IDS, 8, GREY), max_pixels=34)


@pytest.mark.parametrize(("description", "words"), [
    ("16UC1; png compressed", "16UC1, as depth images are"), ("rgb8; png compressed bgr8", "a colour image"),
    ("16UC1; compressedDepth png", "depth"), ("bayer_rggb8; png compressed ", "mosaic"),
    ("32FC1; png", "floating-point"), ("8SC1; png compressed", "of the encoding '8SC1'")])
def test_format_of_a_message_that_names_no_labels(description, words):
    assert words in refusal(decode_labels, png(IDS, 8, GREY), description)


@pytest.mark.parametrize("description", ["png", "mono8; png compressed ", "mono16; png compressed mono16",
                                         "8UC1; png compressed", "; png compressed"])
def test_format_of_a_message_of_labels(description):
    np.testing.assert_array_equal(decode_labels(png(IDS, 16, GREY), description), IDS)


@pytest.mark.parametrize("padding", [0, 3])
@pytest.mark.parametrize(("encoding", "kind", "is_bigendian"), [
    ("mono8", "u1", False), ("8UC1", "u1", True), ("mono16", "<u2", False), ("mono16", ">u2", True)])
def test_raw_labels_are_read_exactly(encoding, kind, is_bigendian, padding):
    samples = IDS.astype(kind)
    rows = samples.view(np.uint8).reshape(5, -1)
    data = np.pad(rows, ((0, 0), (0, padding)), constant_values=9)
    found = view_labels(data.tobytes(), 5, 7, encoding, data.shape[1], is_bigendian)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, IDS)


@pytest.mark.parametrize(("encoding", "words"), [
    ("rgb8", "a colour image"), ("bgra8", "a colour image"), ("nv12", "a colour image"),
    ("8UC3", "a colour image"), ("bayer_grbg8", "a mosaic of colours"), ("16UC1", "16UC1, as depth"),
    ("32FC1", "floating-point"), ("64FC3", "floating-point"), ("32SC1", "of the encoding '32SC1'")])
def test_raw_images_that_are_no_labels(encoding, words):
    text = refusal(view_labels, bytes(4 * IDS.size), 5, 7, encoding, 28)
    assert words in text and "mono8, 8UC1 or mono16" in text


def test_truncated_raw_labels_are_refused_by_their_own_size():
    assert "truncated image: 7x5 mono16" in refusal(view_labels, bytes(60), 5, 7, "mono16", 14)
