"""Learning to tell whole images apart: data, network, loss and validation."""

import math
from dataclasses import fields
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from bisenet_core.errors import InputError
from bisenet_core.labels.label_space import LabelSpace
from bisenet_core.learning.data import RunData
from bisenet_core.learning.datasets import ClassificationDataset, open_classification
from bisenet_core.learning.recipe import Recipe
from bisenet_core.learning.scores import ClassificationScore
from bisenet_core.learning.transforms import normalised
from bisenet_core.models import create_model
from bisenet_core.models.registry import is_segmentation

#: Settings of a recipe that do nothing here.
_OF_PIXELS = ("cutmix", "classmix", "corrupted", "colour", "hue", "resize_width", "resize_height",
              "eval_width", "eval_height", "loss", "class_weights", "jaccard_weight", "largest_class_share",
              "teacher", "unlabelled")  # fmt: skip

#: Width over height that a random crop may have before it is resized.
ASPECTS = (3 / 4, 4 / 3)
#: Share of the short side that the central crop of validation takes: 224 of 256 pixels.
CENTRAL = 0.875


class TrainingImages(Dataset):
    """Random crops, flipped half the time, indexed by (epoch, index) like ``TrainingSamples``.

    A sample is (3xHxW float32 normalised, class index). ``recipe.scale_range`` is the share of the image's
    pixels that a crop has; without one it is the largest that fits.
    """

    def __init__(self, images: ClassificationDataset, recipe: Recipe) -> None:
        self.images, self.recipe = images, recipe
        self.size, self.area = (recipe.crop_width, recipe.crop_height), recipe.scale_range or (1.0, 1.0)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, key: tuple[int, int]) -> tuple[Tensor, int]:
        epoch, index = key
        rng = np.random.default_rng((self.recipe.seed, epoch, index))
        image, class_index = self.images[index]
        crop = random_resized_crop(image, self.size, self.area, rng)
        if rng.random() < 0.5:
            crop = np.ascontiguousarray(crop[:, ::-1])
        return torch.from_numpy(normalised(crop, self.recipe.mean, self.recipe.std)), class_index


class ValidationImages(Dataset):
    """The middle of each image at the crop's size: (3xHxW float32 normalised, class index)."""

    def __init__(self, images: ClassificationDataset, recipe: Recipe) -> None:
        self.images, self.recipe = images, recipe

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image, class_index = self.images[index]
        crop = central_crop(image, (self.recipe.crop_width, self.recipe.crop_height))
        return torch.from_numpy(normalised(crop, self.recipe.mean, self.recipe.std)), class_index


class ClassificationData(RunData):
    """Loads ImageNet below ``root``; ``classes`` are the names of its classes.

    ``InputError`` as of ``RunData`` and ``open_classification``, and for a recipe of another data set.
    """

    validation_batch = 32

    def __init__(self, recipe: Recipe, root: Path | str, workers: int = 1) -> None:
        if recipe.dataset != "imagenet":
            raise InputError(
                f"network {recipe.network} is for whole images and dataset is {recipe.dataset!r}; set "
                "dataset to imagenet, or choose a network that labels pixels"
            )
        unused = [one.name for one in fields(Recipe)
                  if one.name in _OF_PIXELS and getattr(recipe, one.name) != one.default]  # fmt: skip
        if unused:
            raise InputError(f"settings for networks that label pixels: {', '.join(unused)}; leave them out")
        names = filter(None, (recipe.train_split, recipe.val_split))
        splits = {name: open_classification(root, name) for name in names}
        train = splits[recipe.train_split]
        self.classes = list(train.classes)
        val = ValidationImages(splits[recipe.val_split], recipe) if recipe.val_split else None
        super().__init__(recipe, TrainingImages(train, recipe), val, splits, workers)

    def check_labels(self) -> None:
        """``InputError`` for a single class, of which every answer would be right."""
        if len(self.classes) < 2:
            raise InputError(f"the only class folder is {self.classes[0]}; expected two or more")


def random_resized_crop(
    image: np.ndarray, size: tuple[int, int], area: tuple[float, ...], rng: np.random.Generator
) -> np.ndarray:
    """HxWx3 uint8 -> a random crop of the image, resized to ``size`` (width, height).

    The crop has a share of the pixels between the two of ``area``. Aspects are drawn from ``ASPECTS``; where
    none of ten draws fits into the image, it is the largest central crop.
    """
    height, width = image.shape[:2]
    smallest, largest = area
    for _ in range(10):
        pixels = height * width * rng.uniform(smallest, largest)
        aspect = math.exp(rng.uniform(*np.log(ASPECTS)))
        crop_width, crop_height = round(math.sqrt(pixels * aspect)), round(math.sqrt(pixels / aspect))
        if 0 < crop_width <= width and 0 < crop_height <= height:
            left, top = rng.integers(width - crop_width + 1), rng.integers(height - crop_height + 1)
            return _resize(image[top : top + crop_height, left : left + crop_width], size)
    return central_crop(image, size, share=1.0)


def central_crop(image: np.ndarray, size: tuple[int, int], share: float = CENTRAL) -> np.ndarray:
    """HxWx3 uint8 -> the middle of the image at ``size`` (width, height), ``share`` of what would fit."""
    height, width = image.shape[:2]
    scale = share * min(width / size[0], height / size[1])
    crop_width, crop_height = max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
    left, top = (width - crop_width) // 2, (height - crop_height) // 2
    return _resize(image[top : top + crop_height, left : left + crop_width], size)


def _resize(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    shrinks = image.shape[1] > size[0] or image.shape[0] > size[1]
    # averaging where it shrinks: two-tap interpolation would alias
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


class ClassificationTask:
    """The network of ``recipe`` in training, with smoothed cross-entropy (STDC, Section 4.2).

    Batches are (image Bx3xHxW float32 normalised, class B int64); ``classes`` are the names of those, kept
    with the weights. ``InputError`` for a network that labels pixels.
    """

    #: What says which checkpoint is best.
    metric = "val_top1"
    class_weights: Tensor | None = None
    label_space: LabelSpace | None = None

    def __init__(self, recipe: Recipe, classes: list[str]) -> None:
        if is_segmentation(recipe.network):
            raise InputError(f"network {recipe.network} labels pixels; expected one for whole images")
        self.recipe, self.classes = recipe, classes
        self.network = create_model(recipe.network, len(classes), **recipe.options)
        self.loss = nn.CrossEntropyLoss(label_smoothing=recipe.label_smoothing)

    @property
    def hyper_parameters(self) -> dict[str, Any]:
        """What a checkpoint keeps, as plain values, for the task to be made again."""
        return {"recipe": self.recipe.to_dict(), "classes": self.classes}

    def prepare(self, data: Any) -> None:
        """Nothing: the loss depends on the recipe alone."""

    def losses(self, logits: Tensor, target: Tensor) -> dict[str, Tensor]:
        """``loss`` of logits BxK and classes B."""
        return {"loss": self.loss(logits, target)}

    def new_score(self) -> ClassificationScore:
        return ClassificationScore()

    def score_batch(
        self, score: ClassificationScore, network: nn.Module, image: Tensor, target: Tensor
    ) -> None:
        """Add the logits that ``network``, of this task, gives a validation batch to ``score``."""
        score.update(network(image).float(), target)
