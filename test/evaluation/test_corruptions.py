"""Corrupted images: the same bytes each time, worse with each strength, and as large as before."""

import cv2
import numpy as np
import pytest

from bisenet_core.evaluation.corruptions import CORRUPTIONS, STRENGTHS, corrupt


@pytest.fixture(scope="module")
def image():
    """120x160x3 uint8: smooth colours, edges and some texture."""
    rng = np.random.default_rng(0)
    patches = rng.integers(30, 226, (6, 8, 3), np.uint8)
    return cv2.resize(patches, (160, 120), interpolation=cv2.INTER_NEAREST) + rng.integers(
        0, 20, (120, 160, 3), np.uint8)


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_a_strength_gives_the_same_bytes_and_the_next_one_is_worse(image, kind):
    before, lost = image.copy(), []
    for strength in STRENGTHS:
        found = corrupt(image, kind, strength, seed=7)
        assert found.shape == image.shape and found.dtype == np.uint8
        assert (found == corrupt(image, kind, strength, seed=7)).all()
        lost.append(np.abs(found.astype(float) - image).mean())
    assert (image == before).all()
    assert lost[0] > 0 and sorted(lost) == lost and len(set(lost)) == len(STRENGTHS)


@pytest.mark.parametrize("kind", [kind for kind in CORRUPTIONS if kind not in ("blur", "JPEG")])
def test_images_differ_in_what_is_random(image, kind):
    assert (corrupt(image, kind, 3, seed=0) != corrupt(image, kind, 3, seed=1)).mean() > 0.01


def test_fog_hides_what_is_far_and_blur_grows_with_the_image(image):
    lost = np.abs(corrupt(image, "fog", 3, 0).astype(float) - image).mean(axis=(1, 2))
    assert lost[:60].mean() > 1.5 * lost[-20:].mean()
    edge = np.zeros((720, 720, 3), np.uint8)
    edge[:, 360:] = 255
    widths = [
        np.count_nonzero((blurred[len(blurred) // 2, :, 0] % 255) > 0)
        for blurred in (corrupt(edge, "blur", 3, 0), corrupt(edge[::2, ::2].copy(), "blur", 3, 0))
    ]
    assert widths[0] == pytest.approx(2 * widths[1], abs=2)


def test_any_image_will_do():
    for shape in ((1, 1, 3), (33, 7, 3), (1080, 64, 3)):
        for kind in CORRUPTIONS:
            assert corrupt(np.full(shape, 255, np.uint8), kind, 5, 0).shape == shape
