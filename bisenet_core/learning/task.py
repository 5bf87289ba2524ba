"""Make the task and the data of a recipe, for pixels or for whole images."""

from pathlib import Path

from bisenet_core.errors import InputError
from bisenet_core.learning.classification_task import ClassificationData, ClassificationTask
from bisenet_core.learning.data import SegmentationData
from bisenet_core.learning.recipe import Recipe
from bisenet_core.learning.scores import ClassificationScore, SegmentationScore
from bisenet_core.learning.segmentation_task import SegmentationTask
from bisenet_core.models.registry import is_segmentation

Task = SegmentationTask | ClassificationTask
Data = SegmentationData | ClassificationData
Score = SegmentationScore | ClassificationScore


def task_and_data(recipe: Recipe, root: Path | str, workers: int = 1) -> tuple[Task, Data]:
    """The task of ``recipe`` and its data below ``root``, for pixels or for whole images.

    ``InputError`` for a network and a data set of different kinds, and where there is nothing to train on.
    """
    pixel_wise = is_segmentation(recipe.network)
    if not (recipe.train_split or (pixel_wise and recipe.unlabelled)):
        others = ", or 'unlabelled' images and a 'teacher'" if pixel_wise else ""
        raise InputError(f"setting 'train_split' is empty; expected a split of {recipe.dataset}{others}")
    if pixel_wise:
        pixels = SegmentationData(recipe, root, workers)
        return SegmentationTask(recipe, pixels.training_pairs.label_space), pixels
    images = ClassificationData(recipe, root, workers)
    return ClassificationTask(recipe, images.classes), images
