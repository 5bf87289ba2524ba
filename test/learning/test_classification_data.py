"""Batches of ImageNet."""

import pytest
import torch
from dataset_trees import write_imagenet

from bisenet_core.errors import InputError
from bisenet_core.learning.classification_data import (
    ClassificationDataModule,
    TrainingImages,
    ValidationImages,
)
from bisenet_core.learning.datasets import open_classification
from bisenet_core.learning.recipe import Recipe

RECIPE = Recipe(
    "tiny", "imagenet", network="stdc1", crop_width=48, crop_height=32, batch_size=6, scale_range=(0.3, 1.0)
)


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


def test_the_module_knows_the_classes(root):
    data = ClassificationDataModule(RECIPE, root)
    assert data.classes == ["n01440764", "n01441764", "n01442764"] and data.iterations_per_epoch == 2


def test_a_network_for_whole_images_refuses_labelled_pixels(root):
    recipe = Recipe("tiny", "camvid", network="stdc1", batch_size=6)
    with pytest.raises(InputError, match="stdc1 is for whole images and dataset is 'camvid'"):
        ClassificationDataModule(recipe, root)
