"""Batches of ImageNet, and the crops they are made of."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from dataset_trees import write_imagenet
from hypothesis import given
from hypothesis import strategies as st

from bisenet_core.errors import InputError
from bisenet_core.learning.classification_task import (
    ASPECTS,
    ClassificationData,
    TrainingImages,
    ValidationImages,
    central_crop,
    random_resized_crop,
)
from bisenet_core.learning.datasets import open_classification
from bisenet_core.learning.recipe import Recipe

RECIPE = Recipe(
    "tiny", "imagenet", network="stdc1", crop_width=48, crop_height=32, batch_size=6, scale_range=(0.3, 1.0)
)

SIDES = st.integers(1, 90)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return write_imagenet(tmp_path_factory.mktemp("imagenet")).root


def test_a_training_sample_depends_on_its_epoch_and_index_alone(root):
    samples = TrainingImages(open_classification(root, "train"), RECIPE)
    (image, label), (again, _), (later, _) = samples[2, 0], samples[2, 0], samples[3, 0]
    assert image.shape == (3, 32, 48) and image.dtype == torch.float32 and label == 0
    assert torch.equal(image, again) and not torch.equal(image, later)


def test_validation_sees_the_middle(root):
    samples = ValidationImages(open_classification(root, "val"), RECIPE)
    image, label = samples[len(samples) - 1]
    assert image.shape == (3, 32, 48) and label == 2
    assert image.mean(dim=(1, 2))[0] > image.mean(dim=(1, 2))[2], "the last class is red, in RGB"


def test_the_data_knows_the_classes(root):
    data = ClassificationData(RECIPE, root)
    assert data.classes == ["n01440764", "n01441764", "n01442764"] and data.iterations_per_epoch == 2


def test_a_network_for_whole_images_refuses_labelled_pixels(root):
    recipe = Recipe("tiny", "camvid", network="stdc1", batch_size=6)
    with pytest.raises(InputError, match="stdc1 is for whole images and dataset is 'camvid'"):
        ClassificationData(recipe, root)


@pytest.mark.parametrize("setting", ["cutmix", "classmix", "corrupted", "colour", "jaccard_weight"])
def test_what_only_labelled_pixels_can_have_is_refused(root, setting):
    with pytest.raises(InputError, match=f"for networks that label pixels: {setting}; leave them out"):
        ClassificationData(replace(RECIPE, **{setting: 0.5}), root)


def _positions(height, width):
    """HxWx3 uint8: a pixel's column, its row, and 200."""
    rows, columns = np.mgrid[:height, :width].astype(np.uint8)
    return np.stack([columns, rows, np.full_like(rows, 200)], axis=-1)


@given(SIDES, SIDES, st.floats(0.01, 1), st.floats(0.01, 1), st.integers(0, 9))
def test_any_image_and_share_give_a_crop_of_the_size(height, width, one, other, seed):
    area = (min(one, other), max(one, other))
    crop = random_resized_crop(_positions(height, width), (32, 24), area, np.random.default_rng(seed))
    assert crop.shape == (24, 32, 3) and crop.dtype == np.uint8 and (crop[..., 2] == 200).all()


def test_the_share_of_the_image_and_the_aspect_stay_in_their_ranges():
    image, shares, aspects = _positions(240, 250), [], []
    for seed in range(200):
        crop = random_resized_crop(image, (224, 224), (0.2, 0.6), np.random.default_rng(seed))
        width, height = np.ptp(crop[..., 0]) + 1.0, np.ptp(crop[..., 1]) + 1.0
        shares.append(width * height / (240 * 250))
        aspects.append(width / height)
    assert 0.19 < min(shares) < 0.25 and 0.5 < max(shares) < 0.62
    assert ASPECTS[0] - 0.02 < min(aspects) < 0.85 and 1.2 < max(aspects) < ASPECTS[1] + 0.02


@given(SIDES, SIDES)
def test_the_middle_of_any_image_has_the_size(height, width):
    assert central_crop(_positions(height, width), (32, 24)).shape == (24, 32, 3)


def test_the_central_crop_is_central_and_takes_224_of_256():
    crop = central_crop(_positions(256, 256)[:, 28:228], (175, 175))  # 200 wide, 256 high: 175 of 200 remain
    assert crop[0, 0].tolist() == [28 + 12, (256 - 175) // 2, 200]
    assert crop[-1, -1].tolist() == [28 + 12 + 174, (256 - 175) // 2 + 174, 200]


def test_shrinking_averages():
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 254
    assert set(np.unique(central_crop(stripes, (16, 16), share=1.0))) == {127}
