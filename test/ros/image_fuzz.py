"""Messages at random through the conversions, each against what must become of it, with an account of all."""

import struct
import time
import zlib
from array import array
from collections import Counter

import cv2
import hypothesis
import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sensor_msgs.msg import CompressedImage, Image

from bisenet_core.images.compressed import MAX_PIXELS
from bisenet_core.images.encodings import ImageError
from bisenet_core.images.label_images import LABEL_ENCODINGS, decode_labels
from bisenet_ros.image_messages import compressed_from_msg, image_from_msg, labels_from_msg

REASONS = {"unsupported_encoding", "zero_size", "bad_size", "bad_step", "truncated", "damaged", "too_large",
           "not_labels", "bad_labels"}

# encoding -> bytes of a pixel in a row, rows of bytes per two rows of pixels, multiple of width and height
LAYOUTS = {"rgb8": (3, 2, 1, 1), "bgr8": (3, 2, 1, 1), "8UC3": (3, 2, 1, 1), "rgba8": (4, 2, 1, 1),
           "bgra8": (4, 2, 1, 1), "mono8": (1, 2, 1, 1), "8UC1": (1, 2, 1, 1), "mono16": (2, 2, 1, 1),
           "uyvy": (2, 2, 2, 1), "yuv422": (2, 2, 2, 1), "yuyv": (2, 2, 2, 1), "yuv422_yuy2": (2, 2, 2, 1),
           "nv12": (1, 3, 2, 2), "nv21": (1, 3, 2, 2)}
LAYOUTS.update({f"bayer_{pattern}{bits}": (bits // 8, 2, 1, 1)
                for pattern in ("rggb", "bggr", "gbrg", "grbg") for bits in (8, 16)})
UNKNOWN = ("nv24", "RGB8", "bgr8\n", "")

MOST_BYTES = 1 << 22  # of a message; what would need more is truncated
_NOISE = np.random.RandomState(0).randint(0, 256, MOST_BYTES).astype(np.uint8)


class Tally:
    """What became of the cases: by outcome, and the seconds the slowest took."""

    def __init__(self):
        self.outcomes = Counter()
        self.slowest = 0.0

    @property
    def cases(self):
        return sum(self.outcomes.values())

    def read(self, convert, message):
        """Convert; returns "read" or the reason of the refusal, and the image."""
        started, image = time.perf_counter(), None
        try:
            image, order = convert(message)
        except ImageError as error:
            outcome = error.reason
            assert outcome in REASONS
            assert len(str(error)) < 400 and str(error).isprintable(), str(error)
        else:
            outcome = "read"
            assert image.dtype == np.uint8
            assert image.ndim == (2 if order == "mono" else 3)
            assert order in ("rgb", "bgr", "rgba", "bgra", "mono", "uyvy", "yuyv")
            assert image[-1, -1].max() <= 255  # the last byte can be read
        self.slowest = max(self.slowest, time.perf_counter() - started)
        self.outcomes[outcome] += 1
        return outcome, image


def expected(encoding, height, width, step, length):
    """What must become of a raw image, and the bytes it needs."""
    if encoding not in LAYOUTS:
        return "unsupported_encoding", 0
    pixel, rows, across, down = LAYOUTS[encoding]
    count = height * rows // 2
    if rows == 3 and count and not length % count and length // count >= width:
        stride = length // count  # of two planes the bytes decide
        if step > stride and (stride == width or step in (1.5 * stride, 2 * stride)):
            step = stride
    needed = step * (count - 1) + width * pixel
    if not height or not width:
        return "zero_size", needed
    if width % across or height % down or ("bayer" in encoding and min(width, height) < 3):
        return "bad_size", needed
    if step < width * pixel:
        return "bad_step", needed
    return ("truncated" if length < needed else "read"), needed


sizes = st.one_of(st.integers(0, 70), st.integers(0, 70), st.integers(0, 4096), st.sampled_from([640, 4096]))


def _either(more, itself):
    """(True, how much more than is needed) or (False, the value itself)."""
    return st.tuples(st.just(True), more) | st.tuples(st.just(False), itself)


layouts = st.tuples(
    sizes, sizes,
    _either(st.integers(-3, 200), st.integers(0, 20000)),                         # step
    _either(st.integers(-50, 5000) | st.just(0), st.integers(0, MOST_BYTES)),     # length
    st.booleans())


def fuzz_raw(tally, examples, seed):
    """Each example is a size, a step and a length, tried with every encoding."""
    _property(layouts, examples, seed, lambda layout: _every_encoding(tally, *layout))


def _every_encoding(tally, height, width, *layout):
    for message, wanted in _raw_messages(height, width, *layout):
        outcome, image = tally.read(image_from_msg, message)
        assert outcome == wanted, (message.encoding, message.step, len(message.data))
        assert image is None or image.shape[:2] == (height, width)


def _raw_messages(height, width, step, length, is_bigendian):
    """A message of every encoding, and what must become of it."""
    for encoding in (*LAYOUTS, *UNKNOWN):
        pixel = LAYOUTS.get(encoding, (3,))[0]
        stride = max(0, width * pixel + step[1]) if step[0] else step[1]
        needed = expected(encoding, height, width, stride, 0)[1]
        found = max(0, min(MOST_BYTES, needed + length[1] if length[0] else length[1]))
        message = Image(height=height, width=width, encoding=encoding, step=stride, is_bigendian=is_bigendian)
        message.data = _bytes(_NOISE[:found])
        yield message, expected(encoding, height, width, stride, found)[0]


def fuzz_labels(tally, examples, seed):
    """Each example is a layout, tried with every encoding, and damage done to PNGs of labels and others."""
    cases = st.tuples(layouts, mutations, descriptions)
    _property(cases, examples, seed, lambda case: _every_label_message(tally, *case))


def _every_label_message(tally, layout, mutation, description):
    for message, wanted in _raw_messages(*layout):
        outcome, labels = tally.read(lambda one: (labels_from_msg(one), "mono"), message)
        known = message.encoding in LABEL_ENCODINGS
        ids_above_255 = message.encoding == "mono16" and (outcome, wanted) == ("bad_labels", "read")
        assert outcome == (wanted if known else "not_labels") or ids_above_255, message.encoding
        assert labels is None or labels.shape == layout[:2]
    for picture in (*_LABELS, *_PICTURES):
        data = mutated(picture, *mutation)
        outcome, labels = tally.read(lambda png: (decode_labels(png, description), "mono"), data)
        assert outcome not in ("bad_step", "bad_size", "truncated", "unsupported_encoding")
        if mutation[0] == "none" and picture in _LABELS:
            assert outcome == "not_labels" or (labels == _IDS).all()
        assert mutation[0] != "none" or picture in _LABELS or outcome in ("not_labels", "read", "bad_labels")


def largest(tally):
    """4096x4096 in every encoding, whole."""
    for encoding, (pixel, rows, _, _) in LAYOUTS.items():
        message = Image(height=4096, width=4096, encoding=encoding, step=4096 * pixel)
        message.data = _bytes(np.resize(_NOISE, 4096 * 2048 * pixel * rows))
        assert tally.read(image_from_msg, message)[0] == "read"


def pictures():
    """Small JPEGs and PNGs of many kinds."""
    color = cv2.resize(_NOISE[:5 * 7 * 4].reshape(5, 7, 4), (48, 36))
    kinds = ([], [cv2.IMWRITE_JPEG_PROGRESSIVE, 1], [cv2.IMWRITE_JPEG_RST_INTERVAL, 2],
             [cv2.IMWRITE_JPEG_QUALITY, 100])
    found = [cv2.imencode(".jpg", color[..., :3], options)[1].tobytes() for options in kinds]
    found.append(cv2.imencode(".jpg", color[..., 0])[1].tobytes())
    for image in (color[..., 0], color[..., :3], color):
        found += [cv2.imencode(".png", np.ascontiguousarray(image).astype(kind))[1].tobytes()
                  for kind in (np.uint8, np.uint16)]
    return found


_PICTURES = pictures()
_IDS = np.arange(36 * 48, dtype=np.uint8).reshape(36, 48)
_LABELS = [cv2.imencode(".png", _IDS.astype(kind))[1].tobytes() for kind in (np.uint8, np.uint16)]

places = st.integers(0, 9999)  # of a file's bytes, in 1/10000 of its length
flips = st.lists(st.tuples(places, st.integers(1, 255)), min_size=1, max_size=6)
sides = st.one_of(st.integers(0, 200), st.sampled_from([8192, 65535, 2**31 - 1]), st.integers(0, 2**16))
mutations = st.one_of(
    st.tuples(st.just("none")), st.tuples(st.just("cut"), places),
    st.tuples(st.just("flip"), flips), st.tuples(st.just("flip and seal"), flips),
    st.tuples(st.just("insert"), places, st.binary(min_size=1, max_size=40)),
    st.tuples(st.just("remove"), places, st.integers(1, 300)),
    st.tuples(st.just("splice"), places, st.integers(0, len(_PICTURES) - 1), places),
    st.tuples(st.just("claim"), sides, sides), st.tuples(st.just("replace"), st.binary(max_size=200)))
descriptions = st.one_of(
    st.sampled_from(["jpeg", "png", "", "rgb8; jpeg compressed bgr8", "mono16; png compressed ", "h264",
                     "mono8; png compressed", "16UC1; png compressed"]),
    st.text(max_size=12))


def fuzz_compressed(tally, examples, seed):
    """Each example is a kind of damage, done to every picture."""
    _property(st.tuples(mutations, descriptions), examples, seed, lambda case: _every_picture(tally, *case))


def _every_picture(tally, mutation, description):
    for picture in _PICTURES:
        message = CompressedImage(format=description.encode("utf-8", "replace").decode())
        message.data = _bytes(mutated(picture, *mutation))
        outcome, image = tally.read(compressed_from_msg, message)
        assert outcome not in ("bad_step", "bad_size", "truncated")
        assert image is None or 0 < image.shape[0] * image.shape[1] <= MAX_PIXELS
        if mutation[0] in ("none", "cut"):
            depth = description.startswith("16UC1")
            assert (outcome == "read") == (mutation[0] == "none" and not depth)
            assert image is None or image.shape[:2] == (36, 48)


def mutated(picture, kind, *details):
    """The picture's bytes, damaged."""
    at = len(picture) * (details[0] if details and isinstance(details[0], int) else 0) // 10000
    if kind == "cut":
        return picture[:at]
    if kind in ("flip", "flip and seal"):
        found = bytearray(picture)
        for place, bits in details[0]:
            found[len(picture) * place // 10000] ^= bits
        return bytes(found) if kind == "flip" else _sealed(bytes(found))
    if kind == "insert":
        return picture[:at] + details[1] + picture[at:]
    if kind == "remove":
        return picture[:at] + picture[at + details[1]:]
    if kind == "splice":
        other = _PICTURES[details[1]]
        return picture[:at] + other[len(other) * details[2] // 10000:]
    if kind == "claim":
        return _claiming(picture, *details)
    return details[0] if kind == "replace" else picture


def _claiming(picture, width, height):
    """The picture with another size in its header."""
    if picture.startswith(b"\x89PNG"):
        return _sealed(picture[:16] + struct.pack(">II", width, height) + picture[24:])
    begin = 5 + max(picture.find(b"\xff\xc0"), picture.find(b"\xff\xc2"))
    return picture[:begin] + struct.pack(">HH", height & 0xFFFF, width & 0xFFFF) + picture[begin + 4:]


def _sealed(png):
    """With every checksum right again, so that damage reaches the decoder; other bytes as they are."""
    found, position = bytearray(png), 8
    while png.startswith(b"\x89PNG") and position + 12 <= len(png):
        end = position + 8 + struct.unpack_from(">I", png, position)[0]
        if end + 4 > len(png):
            break
        struct.pack_into(">I", found, end, zlib.crc32(png[position + 4:end]))
        position = end + 4
    return bytes(found)


def _bytes(values):
    data = array("B")
    data.frombytes(bytes(values) if isinstance(values, bytes) else values.data)
    return data


def _property(strategy, examples, seed, check):
    quiet = settings(max_examples=examples, database=None, deadline=None,
                     suppress_health_check=list(HealthCheck))

    @hypothesis.seed(seed)
    @quiet
    @given(strategy)
    def holds(case):
        check(case)

    holds()
