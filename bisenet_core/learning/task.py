"""What a recipe trains, by its network."""

from pathlib import Path

from bisenet_core.learning.classification_data import ClassificationDataModule
from bisenet_core.learning.classification_module import ClassificationModule
from bisenet_core.learning.data_module import SegmentationDataModule
from bisenet_core.learning.recipe import Recipe
from bisenet_core.learning.saved_label_space import label_space_values
from bisenet_core.learning.segmentation_module import SegmentationModule
from bisenet_core.models.registry import is_segmentation

Module = SegmentationModule | ClassificationModule
Data = SegmentationDataModule | ClassificationDataModule


def module_and_data(recipe: Recipe, root: Path | str, workers: int = 1) -> tuple[Module, Data]:
    """The Lightning module of ``recipe`` and its data below ``root``, for pixels or for whole images.

    The module's ``metric`` names what it logs in validation and what the best checkpoint has most of.
    ``InputError`` for a network and a data set of different kinds.
    """
    if is_segmentation(recipe.network):
        pixels = SegmentationDataModule(recipe, root, workers)
        space = label_space_values(pixels.training_pairs.label_space)
        return SegmentationModule(recipe.to_dict(), space), pixels
    data = ClassificationDataModule(recipe, root, workers)
    return ClassificationModule(recipe.to_dict(), data.classes), data
