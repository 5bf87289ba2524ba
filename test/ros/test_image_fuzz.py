"""A few thousand messages at random; scripts/fuzz_images does as many as one has time for."""

import pytest

pytest.importorskip("rclpy", reason="the node needs ROS 2 (pip install .[ros])")

from image_fuzz import LAYOUTS, Tally, fuzz_compressed, fuzz_labels, fuzz_raw, largest

from bisenet_core.images.encodings import ENCODINGS


def test_raw_messages_become_images_or_one_line():
    tally = Tally()
    fuzz_raw(tally, 100, seed=1)
    assert tally.cases >= 100 * len(LAYOUTS)
    assert set(tally.outcomes) == {
        "read", "truncated", "bad_step", "bad_size", "zero_size", "unsupported_encoding"}


def test_compressed_messages_become_images_or_one_line():
    tally = Tally()
    fuzz_compressed(tally, 200, seed=1)
    assert set(tally.outcomes) == {"read", "damaged", "too_large", "zero_size", "unsupported_encoding"}


def test_label_messages_become_exact_ids_or_one_line():
    tally = Tally()
    fuzz_labels(tally, 60, seed=1)
    assert set(tally.outcomes) >= {"read", "not_labels", "bad_labels", "damaged", "truncated", "bad_step"}


def test_the_largest_images_are_read():
    tally = Tally()
    largest(tally)
    assert tally.outcomes == {"read": len(LAYOUTS)}


def test_the_fuzz_knows_every_encoding():
    assert set(LAYOUTS) == set(ENCODINGS)
