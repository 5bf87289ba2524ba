"""Learning to tell whole images apart: a network, its loss and its validation."""

from typing import Any

from torch import Tensor, nn

from bisenet_core.errors import InputError
from bisenet_core.labels.label_space import LabelSpace
from bisenet_core.learning.recipe import Recipe
from bisenet_core.learning.scores import ClassificationScore
from bisenet_core.models import create_model
from bisenet_core.models.registry import is_segmentation


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
