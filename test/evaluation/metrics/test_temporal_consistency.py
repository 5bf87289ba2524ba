import cv2
import numpy as np
import pytest

from bisenet_core.drives.rendering import RenderedDrive
from bisenet_core.evaluation.metrics.temporal_consistency import View, consistency, counts, flicker, view


@pytest.fixture(scope="module")
def drive():
    return RenderedDrive(240, 180, frames=12)


def texture(height, width, seed=0):
    noise = np.random.default_rng(seed).integers(0, 256, (height, width)).astype(np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), 3)


def test_a_case_worked_by_hand():
    # nothing moves; of 64 x 96 pixels of class 1, in a field of class 0, 10 x 20 become class 2
    grey = texture(128, 160)
    before, after = np.zeros((2, 128, 160), np.uint8)
    before[32:96, 32:128] = after[32:96, 32:128] = 1
    after[40:50, 40:60] = 2
    total = counts(View(grey, before), View(grey, after), 3)
    assert total.tolist() == [[128 * 160 - 64 * 96, 0], [64 * 96, 200], [0, 0]]
    assert flicker(total)[1] == 200 / 6144 and np.isnan(flicker(total)[2])
    assert consistency(total) == 1 - 200 / 20480


def test_labels_that_move_with_the_image_do_not_flicker():
    wide, labels = texture(128, 200), np.zeros((128, 200), np.uint8)
    labels[30:90, 60:120] = 1
    before, after = (View(wide[:, x:x + 160].copy(), labels[:, x:x + 160].copy()) for x in (0, 5))
    moved = counts(before, after, 2)
    stuck = counts(before, View(after.grey, before.labels), 2)
    assert consistency(moved) > 0.998
    # a rectangle 60 high left behind by 5 pixels has 300 wrong pixels on either side
    assert stuck[:, 1].sum() == pytest.approx(600, rel=0.1)
    assert moved[:, 0].sum() == stuck[:, 0].sum()


def test_what_cannot_be_followed_does_not_count():
    grey, labels = texture(128, 160), np.zeros((128, 160), np.uint8)
    covered = grey.copy()
    covered[40:80, 40:80] = np.where(grey[40:80, 40:80] > 127, 0, 255)  # like nothing in the frame before
    changed = labels.copy()
    changed[45:75, 45:75] = 1
    total = counts(View(grey, labels), View(covered, changed), 2)
    assert total[0, 0] < labels.size - 1200 and total[0, 1] < 100


def test_pixels_without_a_class_are_not_followed_and_a_class_that_is_lost_has_changed():
    grey, labels = texture(64, 64), np.zeros((64, 64), np.uint8)
    blank = np.full((64, 64), 255, np.uint8)
    assert counts(View(grey, blank), View(grey, labels), 2).tolist() == [[0, 0], [0, 0]]
    assert counts(View(grey, labels), View(grey, blank), 2).tolist() == [[4096, 4096], [0, 0]]


def test_exact_labels_of_a_drive_flicker_far_less_than_unsteady_ones(drive):
    rng, true, unsteady = np.random.default_rng(0), np.zeros((11, 2), int), np.zeros((11, 2), int)
    for index in range(0, 10, 3):
        (image, labels), (then, truth) = drive[index], drive[index + 1]
        before = view(image, labels)
        true += counts(before, view(then, truth), 11)
        spoilt = np.where(rng.random(truth.shape) < 0.05, np.uint8(255), truth)
        unsteady += counts(before, view(then, spoilt), 11)
    assert consistency(true) > 0.98
    assert consistency(true) - consistency(unsteady) == pytest.approx(0.05, abs=0.005)
    assert true[:, 0].sum() > 0.7 * 4 * 240 * 180


def test_any_number_of_threads_gives_the_same_counts_each_time(drive):
    before, after = (view(*drive[index]) for index in (3, 5))
    threads = cv2.getNumThreads()
    try:
        found = []
        for number in (1, 2, 3, 8, 1):
            cv2.setNumThreads(number)
            found += [counts(before, after, 11) for _ in range(3)]
    finally:
        cv2.setNumThreads(threads)
    assert all((each == found[0]).all() for each in found) and found[0][:, 1].any()


def test_large_images_are_followed_at_a_bounded_size():
    image = np.zeros((600, 2048, 3), np.uint8)
    labels = np.repeat(np.arange(2, dtype=np.uint8), 1024)[None].repeat(600, axis=0)
    small = view(image, labels)
    assert small.grey.shape == small.labels.shape == (94, 320)
    assert (np.bincount(small.labels.ravel()) == 94 * 160).all()


@pytest.mark.parametrize("height, width", [(8, 8), (31, 512), (128, 31)])
def test_images_too_small_for_optical_flow_give_none(height, width):
    frame = view(np.zeros((height, width, 3), np.uint8), np.zeros((height, width), np.uint8))
    assert counts(frame, frame, 2) is None


@pytest.mark.parametrize("height, width", [(32, 32), (32, 512), (900, 32), (33, 471)])
def test_images_just_large_enough_are_followed(height, width):
    frame = View(texture(height, width), np.zeros((height, width), np.uint8))
    assert counts(frame, frame, 1).tolist() == [[height * width, 0]]


def test_a_change_of_size_gives_none():
    one, other = (View(np.zeros(s, np.uint8), np.zeros(s, np.uint8)) for s in ((64, 64), (64, 80)))
    assert counts(one, other, 2) is None
