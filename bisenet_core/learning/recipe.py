"""A training recipe: everything that decides the result, in one readable file."""

from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from bisenet_core.drives.yaml_file import read_yaml
from bisenet_core.errors import InputError, parsing, suggest
from bisenet_core.learning.recipe_checks import check, plain_values

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

_RECIPES = Path(__file__).resolve().parents[2] / "training" / "recipes"


@dataclass(frozen=True)
class Recipe:
    """Settings of one training run. ``Recipe.load`` reads them from YAML; an unknown key is an error."""

    name: str
    dataset: str
    #: several splits joined by "+", such as "train+val"; "" trains on ``unlabelled`` images alone
    train_split: str = "train"
    #: "" trains without validation
    val_split: str = "val"

    network: str = "bisenetv2"
    options: dict[str, Any] = field(default_factory=dict)
    #: checkpoint or model folder of the same network and classes, which this run begins with
    weights: str = ""
    #: splits of the same data set that ``weights`` was trained on, joined by "+"; noted when training begins
    weights_splits: str = ""
    #: file with the trunk's pre-trained weights
    backbone: str = ""
    #: batch norms take their statistics from the samples of all processes
    sync_batchnorm: bool = True

    #: optimiser steps
    iterations: int = 10_000
    #: samples of one optimiser step, over all processes and accumulated parts
    batch_size: int = 16
    #: parts of a step that are computed one after the other; batch norms and losses see one part at a time
    accumulate: int = 1
    #: "sgd" or "adamw"
    optimizer: str = "sgd"
    learning_rate: float = 0.05
    #: factor of the learning rate for heads and the Feature Fusion
    head_learning_rate: float = 1.0
    #: of "sgd"
    momentum: float = 0.9
    weight_decay: float = 0.0005
    #: "convolutions" leaves out norms, biases and fully connected layers
    weight_decay_on: str = "convolutions"
    #: "poly" or "cosine", from ``learning_rate`` to ``min_learning_rate``
    schedule: str = "poly"
    poly_power: float = 0.9
    min_learning_rate: float = 0.0
    warmup_iterations: int = 0
    #: factor of the learning rate at iteration 0
    warmup_start: float = 0.0
    gradient_clip: float = 0.0
    #: of an exponential moving average of the weights; 0 keeps none
    ema_decay: float = 0.0

    #: "ohem" or "cross_entropy"
    loss: str = "ohem"
    ohem_threshold: float = 0.7
    ohem_min_kept: float = 1 / 16
    #: "none", "inverse_log" of the classes' shares of the training pixels, or a number for each class
    class_weights: str | tuple[float, ...] = "none"
    #: of the main head's soft Jaccard loss, 1 - IoU averaged over classes, beside ``loss``
    jaccard_weight: float = 0.0
    #: of the losses of auxiliary heads, but for those of detail heads
    auxiliary_weight: float = 1.0
    detail_weight: float = 1.0
    #: of the Laplacians that mark details, some of 1, 2 and 4
    detail_strides: tuple[int, ...] = (1, 2, 4)
    #: "paper", where stride 4 counts alone too, or "code", as the public code has it
    detail_truth: str = "paper"
    #: classification only
    label_smoothing: float = 0.0

    #: checkpoint or model folder of a network whose probabilities this one learns too (distillation)
    teacher: str = ""
    #: mapping of the teacher's classes to the data's: a YAML file, or the name of one in
    #: training/teacher_classes; "" where they are the same
    teacher_classes: str = ""
    #: sizes at which the teacher sees an image, as factors of its own; their probabilities are averaged
    teacher_scales: tuple[float, ...] = (1.0,)
    teacher_temperature: float = 1.0
    #: of the distance from the teacher, where no label contradicts it, beside the other losses
    teacher_weight: float = 1.0
    #: folders of images without labels, which the teacher labels
    unlabelled: tuple[str, ...] = ()

    #: size that images get before anything else; 0 leaves them as they are
    resize_width: int = 0
    resize_height: int = 0
    scales: tuple[float, ...] = (0.75, 1.0, 1.25, 1.5, 1.75, 2.0)
    #: smallest and largest scale, with all between them; replaces ``scales``
    scale_range: tuple[float, ...] = ()
    crop_width: int = 960
    crop_height: int = 720
    #: a crop is drawn again, up to 10 times, where one class has more of its labelled pixels
    largest_class_share: float = 1.0
    #: largest relative change of brightness, contrast and saturation
    colour: float = 0.0
    #: largest change of hue, as a share of the circle of colours
    hue: float = 0.0
    #: share of samples made noisy, blurred, foggy and so on, as ``bisenet evaluate --corruptions`` does it
    corrupted: float = 0.0
    #: share of samples of which a rectangle shows another sample (CutMix, arXiv 1905.04899)
    cutmix: float = 0.0
    #: share of samples in which half of another one's classes are pasted (ClassMix, arXiv 2007.07936)
    classmix: float = 0.0
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD

    #: size at which the network sees validation images, its logits going back to theirs; 0: their own
    eval_width: int = 0
    eval_height: int = 0
    #: size that the deployed network is fed; 0: the crop's
    input_width: int = 0
    input_height: int = 0

    precision: str = "bf16-mixed"
    validate_every_epochs: int = 4
    seed: int = 0

    @classmethod
    def load(cls, path: Path | str) -> "Recipe":
        """Read ``path``, or the recipe of this name in training/recipes.

        ``InputError`` names an unreadable file, an unknown key or a missing one.
        """
        path = _found(Path(path))
        with parsing(f"recipe {path} cannot be read"):
            values = read_yaml(path)
        if not isinstance(values, dict):
            raise InputError(f"recipe {path} is not a mapping of settings to values")
        return cls.from_dict(values, str(path))

    @classmethod
    def from_dict(cls, values: dict[str, Any], origin: str = "recipe") -> "Recipe":
        """Build from plain values, lists becoming tuples. ``InputError`` begins with ``origin``."""
        try:
            recipe = cls(**plain_values(values, fields(cls)))
            check(recipe)
        except InputError as error:
            raise InputError(f"{origin}: {error}") from None
        return recipe

    @property
    def input_size(self) -> tuple[int, int]:
        """(width, height) of the deployed network's input."""
        return self.input_width or self.crop_width, self.input_height or self.crop_height

    @property
    def eval_size(self) -> tuple[int, int] | None:
        """(width, height) at which the network sees validation images; None: their own."""
        return (self.eval_width, self.eval_height) if self.eval_width else None

    @property
    def resize(self) -> tuple[int, int] | None:
        """(width, height) of training images before their random scale; None: their own."""
        return (self.resize_width, self.resize_height) if self.resize_width else None

    @property
    def seen_in_validation(self) -> str:
        """Those of the validation's splits that the network is or was trained on, joined by "+"."""
        seen = {*self.train_split.split("+"), *self.weights_splits.split("+")}
        return "+".join(split for split in self.val_split.split("+") if split and split in seen)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for YAML, JSON and the model card, tuples becoming lists."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}


def _found(path: Path) -> Path:
    if path.exists():
        return path
    known = {file.stem: file for file in _RECIPES.glob("*.yaml")}
    if str(path) in known:
        return known[str(path)]
    raise InputError(f"recipe {path} does not exist; {suggest(path.stem, sorted(known))}")
