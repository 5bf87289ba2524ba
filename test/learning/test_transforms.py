"""Augmentation."""

import cv2
import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bisenet_core.labels.label_space import UNLABELED
from bisenet_core.learning.recipe import Recipe
from bisenet_core.learning.transforms import Augmentation, _vary_colour, to_tensors


def _blocks(height, width):
    """An image whose colour names its label, in blocks large enough to survive scaling."""
    labels = ((np.indices((height, width)) // 16).sum(0) % 3).astype(np.uint8)
    return np.repeat(labels[..., None] * 100, 3, axis=2), labels


@settings(max_examples=30, deadline=None)
@example(1, 22, 39)  # half way between 0 and 200 is 100, which is a colour too
@given(st.integers(0, 2**31), st.integers(20, 90), st.integers(20, 90))
def test_image_and_labels_stay_aligned_and_padding_is_unlabelled(seed, height, width):
    augment = Augmentation(64, 48, fill=(255, 255, 255))
    image, labels = augment(*_blocks(height, width), np.random.default_rng(seed))
    assert image.shape == (48, 64, 3) and labels.shape == (48, 64)
    grey, window = image[..., 0], np.ones((3, 3), np.uint8)
    flat = cv2.erode(grey, window) == cv2.dilate(grey, window)  # away from the blurred edges between blocks
    pure = flat & (grey < 255)
    assert (labels[pure] == image[pure][:, 0] // 100).all()
    assert (labels[(image == 255).all(axis=2)] == UNLABELED).all()
    assert set(np.unique(labels)) <= {0, 1, 2, UNLABELED}


def test_same_seed_same_sample_and_other_seed_another():
    augment = Augmentation(32, 32, colour=0.3)
    first, again, other = (augment(*_blocks(64, 64), np.random.default_rng(s))[0] for s in (1, 1, 2))
    assert (first == again).all() and (first != other).any()


def test_colour_leaves_the_labels_and_the_range_alone():
    image, labels = _blocks(64, 64)
    varied, same = Augmentation(64, 64, scales=(1.0,), colour=0.5)(image, labels, np.random.default_rng(5))
    assert varied.dtype == np.uint8 and (varied != image).any()
    assert (same == labels).all() or (same == labels[:, ::-1]).all()


@given(st.integers(0, 2**32 - 1))
def test_contrast_and_saturation_leave_the_mean_grey(seed):
    image = np.random.default_rng(1).integers(100, 140, (32, 32, 3), np.uint8)  # far from both ends
    varied = _vary_colour(image, 0.3, np.random.default_rng(seed))
    brightness = 1 + np.random.default_rng(seed).uniform(-0.3, 0.3)
    grey = [cv2.cvtColor(one, cv2.COLOR_RGB2GRAY).mean() for one in (image, varied)]
    assert abs(grey[1] - brightness * grey[0]) < 1


def test_tensors_are_normalised_channels_first():
    image = np.full((2, 4, 3), (255, 0, 127), np.uint8)
    tensor, target = to_tensors(image, np.full((2, 4), 3, np.uint8), (0.5, 0.5, 0.5), (0.5, 0.25, 1.0))
    assert tensor.shape == (3, 2, 4) and target.dtype.is_signed and target.tolist() == [[3] * 4] * 2
    np.testing.assert_allclose(tensor[:, 0, 0].numpy(), (1, -2, 127 / 255 - 0.5), atol=1e-6)


def test_scales_between_two_ends_and_a_size_before_them():
    augment = Augmentation(400, 400, scale_range=(0.5, 1.5), resize=(200, 100))
    labels = np.zeros((60, 80), np.uint8)
    widths = set()
    for seed in range(40):
        found = augment(np.zeros((60, 80, 3), np.uint8), labels, np.random.default_rng(seed))[1] != UNLABELED
        height, width = found.any(1).sum(), found.any(0).sum()
        assert 100 <= width <= 300 and abs(width - 2 * height) <= 1
        widths.add(int(width))
    assert len(widths) > 20


def test_crops_full_of_one_class_are_drawn_again():
    labels = np.zeros((64, 256), np.uint8)
    labels[:, 224:] = 1
    image = np.zeros((64, 256, 3), np.uint8)

    def mixed(share):
        augment = Augmentation(64, 64, scales=(1.0,), largest_class_share=share)
        crops = [augment(image, labels, np.random.default_rng(seed))[1] for seed in range(60)]
        return sum(len(np.unique(crop)) == 2 for crop in crops)

    assert mixed(1.0) < 30 < mixed(0.95) < 61


def test_a_crop_of_one_class_is_taken_where_there_is_no_other():
    for value in (3, UNLABELED):
        labels = np.full((64, 64), value, np.uint8)
        augment = Augmentation(32, 32, largest_class_share=0.5)
        found = augment(np.zeros((64, 64, 3), np.uint8), labels, np.random.default_rng(0))[1]
        assert set(np.unique(found)) <= {value, UNLABELED}


def test_hue_turns_colours_and_leaves_greys():
    image = np.zeros((32, 64, 3), np.uint8)
    image[:, :32] = (200, 40, 40)
    image[:, 32:] = 90
    augment = Augmentation(64, 32, scales=(1.0,), hue=0.5)
    varied = [augment(image, image[..., 0], np.random.default_rng(s))[0] for s in range(8)]
    for crop in varied:
        red = crop[crop.max(2) > 100]
        assert (crop == 90).all(2).sum() == 32 * 32 and abs(red.max(1).astype(int) - 200).max() <= 2
    assert len({tuple(crop[crop.max(2) > 100][0]) for crop in varied}) == 8


def test_a_share_of_images_is_corrupted_and_no_label_is():
    draw = np.random.default_rng(0)
    image = draw.integers(60, 190, (48, 64, 3)).astype(np.uint8)
    labels = draw.integers(0, 11, (48, 64)).astype(np.uint8)

    def crops(share):
        augment = Augmentation(64, 48, scales=(1.0,), corrupted=share)
        return [augment(image, labels, np.random.default_rng(seed)) for seed in range(60)]

    plain = crops(0.0)
    for share, least, most in ((0.3, 8, 28), (1.0, 60, 60)):
        found = crops(share)
        assert least <= sum((a[0] != b[0]).any() for a, b in zip(plain, found)) <= most
        assert all((a[1] == b[1]).all() for a, b in zip(plain, found))
        assert all((a[0] == b[0]).all() for a, b in zip(found, crops(share)))


def test_the_augmentation_of_a_recipe():
    recipe = Recipe.from_dict({
        "name": "a", "dataset": "camvid", "crop_width": 96, "crop_height": 64, "scale_range": [0.5, 2],
        "hue": 0.1, "corrupted": 0.3, "colour": 0.2, "largest_class_share": 0.75,
        "resize_width": 128, "resize_height": 64,
    })  # fmt: skip
    assert Augmentation.of(recipe) == Augmentation(
        96, 64, recipe.scales, 0.2, (0.5, 2), 0.1, 0.3, 0.75, (128, 64)
    )


def test_an_image_of_one_pixel_in_a_row_is_scaled_too():
    for size in ((1, 300), (300, 1), (1, 1)):
        image, labels = np.full((*size, 3), 7, np.uint8), np.ones(size, np.uint8)
        crop = Augmentation(32, 32, scales=(0.25,))(image, labels, np.random.default_rng(0))
        assert crop[0].shape == (32, 32, 3) and set(np.unique(crop[1])) == {1, UNLABELED}
