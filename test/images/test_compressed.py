"""JPEG and PNG: what is whole comes out, and what is not whole is refused before it is decoded."""

import struct
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bisenet_core.images.compressed import MAX_PIXELS, decode_compressed, encode_png
from bisenet_core.images.encodings import ImageError, view_image

JPEGS = {
    "baseline": [], "progressive": [cv2.IMWRITE_JPEG_PROGRESSIVE, 1], "coarse": [cv2.IMWRITE_JPEG_QUALITY, 5],
    "restarts": [cv2.IMWRITE_JPEG_RST_INTERVAL, 2]}


def _picture(channels=3, height=40, width=56):
    """Smooth, so that JPEG keeps it nearly."""
    rng = np.random.RandomState(0)
    image = cv2.resize(rng.randint(0, 256, (5, 7, channels)).astype(np.uint8), (width, height))
    return image.reshape(height, width, channels) if channels > 1 else image.reshape(height, width)


def _encoded(suffix, image, options=()):
    return cv2.imencode(suffix, image, list(options))[1].tobytes()


def _chunk(kind, body):
    checksum = struct.pack(">I", zlib.crc32(kind + body) & 0xFFFFFFFF)
    return struct.pack(">I", len(body)) + kind + body + checksum


def _png(width, height, pixels=b"", depth=8, kind=0):
    """A PNG of these header fields, whatever its pixels are."""
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(pixels))
            + _chunk(b"IEND", b""))


def _jpeg_claiming(jpeg, width, height):
    position = jpeg.index(b"\xff\xc0") + 5
    return jpeg[:position] + struct.pack(">HH", height, width) + jpeg[position + 4:]


def _refusal(data, description="jpeg", **options):
    with pytest.raises(ImageError) as error:
        decode_compressed(data, description, **options)
    assert "\n" not in str(error.value)
    return error.value.reason


@pytest.mark.parametrize("name", sorted(JPEGS))
def test_jpeg_comes_out_in_its_colours(name):
    image = _picture()
    found, order = decode_compressed(_encoded(".jpg", image, JPEGS[name]), "rgb8; jpeg compressed bgr8")
    assert (found.dtype, found.shape, order) == (np.uint8, image.shape, "bgr")
    assert np.abs(found.astype(int) - image).mean() < (20 if name == "coarse" else 4)


def test_a_grey_jpeg_is_mono():
    image = _picture(1)
    found, order = decode_compressed(_encoded(".jpg", image), "mono8; jpeg compressed mono8")
    assert (found.shape, order) == (image.shape, "mono")
    assert np.abs(found.astype(int) - image).mean() < 4


@pytest.mark.parametrize("channels, order", [(1, "mono"), (3, "bgr"), (4, "bgr")])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_png_is_exact_but_for_alpha_and_low_bytes(channels, order, kind):
    image = np.random.RandomState(1).randint(0, np.iinfo(kind).max + 1, _picture(channels).shape).astype(kind)
    found, found_order = decode_compressed(_encoded(".png", image), "png")
    expected = (image if kind is np.uint8 else image // 256).astype(np.uint8)
    assert found_order == order
    np.testing.assert_array_equal(found, expected if channels == 1 else expected[..., :3])


@given(st.integers(1, 50), st.integers(1, 50), st.integers(0, 99))
def test_encoded_labels_come_back(height, width, seed):
    labels = np.random.RandomState(seed).randint(0, 256, (height, width)).astype(np.uint8)
    found, order = decode_compressed(encode_png(labels), "png")
    assert order == "mono"
    np.testing.assert_array_equal(found, labels)


@pytest.mark.parametrize("description, order", [
    ("jpeg", "bgr"), ("", "bgr"), ("png", "bgr"), ("rgb8; jpeg compressed bgr8", "bgr"),
    ("bgr8; jpeg compressed bgr8", "bgr"), ("rgb8; jpeg compressed rgb8", "rgb"),
    ("bgr8; jpeg compressed rgb8", "rgb")])
def test_the_format_says_whether_red_and_blue_were_swapped(description, order):
    assert decode_compressed(_encoded(".jpg", _picture()), description)[1] == order


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("pattern", ["rggb", "bggr", "gbrg", "grbg"])
def test_the_word_behind_compressed_says_whether_a_bayer_camera_sent_its_mosaic(pattern, depth):
    camera, grey = f"bayer_{pattern}{depth}", _picture(1)
    stored = grey if depth == 8 else grey.astype(np.uint16) * 257
    mosaic = view_image(grey, *grey.shape, f"bayer_{pattern}8", grey.shape[1])
    for codec, suffix in (("png", ".png"), *([("jpeg", ".jpg")] if depth == 8 else [])):
        data = _encoded(suffix, stored, [] if codec == "png" else [cv2.IMWRITE_JPEG_QUALITY, 100])
        for word in (f"mono{depth}", "mono8", "bgr8", "rgb8"):
            found, order = decode_compressed(data, f"{camera}; {codec} compressed {word}")
            assert order == "mono" and np.abs(found.astype(int) - grey).max() <= 2
        for description in (f"{camera}; {codec} compressed {camera}", f"{camera}; {codec} compressed ",
                            f"{camera}; {codec}", camera, f"mono8; {codec} compressed {camera}"):
            found, order = decode_compressed(data, description)
            assert order == "rgb" and np.abs(found.astype(int) - mosaic[0]).mean() < 2
        for colours, expected in (("bgr8", "bgr"), ("rgb8", "rgb"), ("rgb16", "rgb"), ("rgba8", "rgb")):
            data = _encoded(suffix, _picture())
            assert decode_compressed(data, f"{camera}; {codec} compressed {colours}")[1] == expected


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, lambda b: np.frombuffer(b, np.uint8)])
def test_any_buffer_will_do(kind):
    data = encode_png(_picture(1)).tobytes()
    np.testing.assert_array_equal(decode_compressed(kind(data), "png")[0], _picture(1))


def test_an_orientation_in_exif_turns_nothing():
    # APP1 with a single entry: orientation 6, a quarter turn
    tiff = b"II*\0\x08\0\0\0" + struct.pack("<HHHIHHI", 1, 0x0112, 3, 1, 6, 0, 0)
    jpeg = _encoded(".jpg", _picture())
    body = b"Exif\0\0" + tiff
    turned = jpeg[:2] + b"\xff\xe1" + struct.pack(">H", 2 + len(body)) + body + jpeg[2:]
    assert cv2.imdecode(np.frombuffer(turned, np.uint8), cv2.IMREAD_COLOR).shape == (56, 40, 3)
    assert decode_compressed(turned, "jpeg")[0].shape == (40, 56, 3)


@pytest.mark.parametrize("name", sorted(JPEGS))
def test_a_jpeg_cut_off_anywhere_is_refused(name):
    data = _encoded(".jpg", _picture(), JPEGS[name])
    assert {_refusal(data[:length]) for length in range(len(data))} == {"damaged"}


def test_a_jpeg_cut_off_behind_its_thumbnail_is_refused():
    data, thumbnail = _encoded(".jpg", _picture()), _encoded(".jpg", _picture(height=8, width=8))
    segment = b"\xff\xe2" + struct.pack(">H", 2 + len(thumbnail)) + thumbnail
    whole = data[:2] + segment + data[2:]
    assert decode_compressed(whole, "jpeg")[0].shape == (40, 56, 3)
    assert _refusal(whole[:-20]) == "damaged"


def test_a_jpeg_cut_off_and_continued_by_the_next_one_is_refused():
    data = _encoded(".jpg", _picture())
    assert _refusal(data[:-50] + data) == "damaged"


def test_a_jpeg_whose_pixels_are_too_few_is_refused():
    data = _encoded(".jpg", _picture(height=512, width=512))
    begin = data.index(b"\xff\xda") + 14
    assert _refusal(data[:begin + 200] + b"\xff\xd9") == "damaged"


def test_a_png_cut_off_anywhere_is_refused():
    data = encode_png(_picture()).tobytes()
    assert {_refusal(data[:length], "png") for length in range(len(data))} == {"damaged"}


@given(st.data())
def test_a_png_with_one_wrong_bit_is_refused(drawn):
    data = bytearray(encode_png(_picture()).tobytes())
    position = drawn.draw(st.integers(0, len(data) - 1))
    data[position] ^= 1 << drawn.draw(st.integers(0, 7))
    assert _refusal(data, "png") == "damaged"


def test_bytes_behind_the_end_are_ignored():
    for suffix in (".jpg", ".png"):
        data = _encoded(suffix, _picture())
        np.testing.assert_array_equal(decode_compressed(data + bytes(100))[0], decode_compressed(data)[0])


def test_a_png_without_its_pixels_is_refused(capfd):
    assert _refusal(_png(50, 40, bytes(100)), "png") == "damaged"


@pytest.mark.parametrize("width, height, reason", [
    (8192, 8193, "too_large"), (2**31 - 1, 2**31 - 1, "too_large"), (0, 5, "zero_size"), (5, 0, "zero_size")])
def test_a_png_of_an_insane_size_is_not_decoded(width, height, reason, monkeypatch):
    monkeypatch.setattr(cv2, "imdecode", None)
    assert _refusal(_png(width, height), "png") == reason


@pytest.mark.parametrize("width, height, reason", [
    (8192, 8193, "too_large"), (65535, 65535, "too_large"), (8000, 8000, "damaged"), (5, 0, "zero_size")])
def test_a_jpeg_of_an_insane_size_is_not_decoded(width, height, reason, monkeypatch):
    monkeypatch.setattr(cv2, "imdecode", None)
    assert _refusal(_jpeg_claiming(_encoded(".jpg", _picture()), width, height)) == reason


def test_the_limit_counts_pixels():
    data = encode_png(_picture(1)).tobytes()
    assert decode_compressed(data, "png", max_pixels=40 * 56)[0].shape == (40, 56)
    assert _refusal(data, "png", max_pixels=40 * 56 - 1) == "too_large"
    assert MAX_PIXELS == 8192 * 8192


def test_a_jpeg_of_endless_scans_is_refused(monkeypatch):
    data = _encoded(".jpg", _picture(), JPEGS["progressive"])
    begin = data.rindex(b"\xff\xda")
    monkeypatch.setattr(cv2, "imdecode", None)
    assert _refusal(data[:begin] + 20 * data[begin:-2] + data[-2:]) == "too_large"


@pytest.mark.parametrize("description, data, reason", [
    ("h264", b"\0\0\0\1abc", "unsupported_encoding"),
    ("16UC1; compressedDepth png", bytes(12), "unsupported_encoding"),
    *[(text, encode_png(np.full((9, 9), 7, np.uint8)).tobytes(), "unsupported_encoding") for text in (
        "16UC1; png compressed ", "16UC1; png compressed 16UC1", "32FC1; png compressed", "16UC1",
        "8UC2; png", "16SC1; png compressed mono16", "mono16; png compressed 32FC1", "64FC1; png")],
    ("", b"", "unsupported_encoding"), ("jpeg", b"", "damaged"), ("png", b"\x89PNG", "damaged"),
    ("rgb8; jpeg compressed bgr8", b"garbage", "damaged"), ("a\nb" + 100 * "c", b"", "unsupported_encoding")])
def test_what_is_neither_jpeg_nor_png_is_refused(description, data, reason):
    assert _refusal(data, description) == reason


def test_a_jpeg_of_an_unusual_kind_is_refused_by_its_name():
    data = _encoded(".jpg", _picture()).replace(b"\xff\xc0", b"\xff\xc3", 1)
    with pytest.raises(ImageError, match="JPEG of kind 0xc3; expected a baseline") as error:
        decode_compressed(data, "jpeg")
    assert error.value.reason == "unsupported_encoding"


@pytest.mark.parametrize("suffix, compression", [(".jpg", "jpeg compressed "), (".png", "png compressed ")])
@pytest.mark.parametrize("encoding", ["bayer_rggb8", "bayer_gbrg8", "bayer_grbg16"])
def test_a_compressed_mosaic_is_demosaicked(suffix, compression, encoding):
    """image_transport compresses Bayer images as they are: grey pictures with the mosaic's pattern."""
    mosaic = np.tile(np.array([[250, 90], [60, 20]], np.uint8), (20, 28))
    options = [cv2.IMWRITE_JPEG_QUALITY, 100] if suffix == ".jpg" else []
    image, order = decode_compressed(_encoded(suffix, mosaic, options), f"{encoding}; {compression}")
    expected, expected_order = view_image(mosaic, 40, 56, encoding.replace("16", "8"), 56)
    assert order == expected_order and image.shape == (40, 56, 3)
    assert np.abs(image.astype(int) - expected).max() <= 3
    assert np.ptp(image.reshape(-1, 3).mean(axis=0)) > 50  # a colour


def test_a_mosaic_of_an_unknown_pattern_is_refused_by_name():
    with pytest.raises(ImageError, match="unsupported encoding 'bayer_xxxx8'") as error:
        decode_compressed(_encoded(".png", _picture(1)), "bayer_xxxx8; png compressed ")
    assert error.value.reason == "unsupported_encoding"
