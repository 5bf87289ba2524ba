"""Check the settings of a recipe: types, ranges, and what does not go together."""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field
from typing import Any

from bisenet_core.errors import InputError, suggest

#: Keys of older recipes and checkpoints, and what they are called now.
RENAMED = {"booster_weight": "auxiliary_weight"}

CHOICES: dict[str, tuple[str, ...]] = {
    "weight_decay_on": ("convolutions", "all"),
    "optimizer": ("sgd", "adamw"),
    "schedule": ("poly", "cosine"),
    "loss": ("ohem", "cross_entropy"),
    "detail_truth": ("paper", "code"),
    "precision": ("bf16-mixed", "16-mixed", "32", "32-true", "64-true"),
}

#: Probabilities of a teacher are kept at an image's size divided by this.
STRIDE = 4
ABOVE_ZERO = math.ulp(0.0)
BELOW_ONE = math.nextafter(1.0, 0.0)

#: Smallest and largest value, and the two in words.
RANGES: dict[str, tuple[float, float, str]] = {
    **dict.fromkeys(("iterations", "accumulate", "validate_every_epochs"), (1, math.inf, "1 or more")),
    "batch_size": (2, math.inf, "2 or more, which batch norms need"),
    **dict.fromkeys(("crop_width", "crop_height"), (32, math.inf, "32 or more")),
    **dict.fromkeys(
        (
            *("warmup_iterations", "weight_decay", "min_learning_rate", "gradient_clip"),
            *("jaccard_weight", "auxiliary_weight", "detail_weight", "resize_width", "resize_height"),
            *("eval_width", "eval_height", "input_width", "input_height", "teacher_weight"),
        ),
        (0, math.inf, "0 or more"),
    ),
    **dict.fromkeys(
        ("learning_rate", "head_learning_rate", "poly_power", "teacher_temperature"),
        (ABOVE_ZERO, math.inf, "a number above 0"),
    ),
    **dict.fromkeys(
        ("ohem_threshold", "ohem_min_kept", "largest_class_share"),
        (ABOVE_ZERO, 1, "a number above 0, at most 1"),
    ),
    **dict.fromkeys(
        ("momentum", "ema_decay", "label_smoothing"), (0, BELOW_ONE, "0 or more and less than 1")
    ),
    **dict.fromkeys(("colour", "corrupted", "cutmix", "classmix", "warmup_start"), (0, 1, "from 0 to 1")),
    "hue": (0, 0.5, "from 0 to 0.5"),
    "seed": (0, 2**63 - 1, "from 0 to 2**63 - 1"),
}

_WITHOUT_POINT = re.compile(r"[+-]?\d+[eE][+-]?\d+")
_EXPECTED: dict[Any, str] = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}


def plain_values(values: Mapping[str, Any], known: Iterable[Field]) -> dict[str, Any]:
    """``values`` by today's keys and in the types of the fields ``known``.

    ``InputError`` for a key that is unknown, given twice or missing, and for a value of another type.
    """
    by_name = {item.name: item for item in known}
    found: dict[str, Any] = {}
    for given, value in values.items():
        key = RENAMED.get(given, given)
        if key not in by_name:
            raise InputError(f"unknown setting {given!r}; {suggest(str(given), by_name)}")
        if key in found:
            raise InputError(f"setting {key!r} is given twice, also by its older name; keep one")
        found[key] = _typed(key, value, by_name[key].type)
    for name, item in by_name.items():
        if name not in found and item.default is MISSING and item.default_factory is MISSING:
            raise InputError(f"setting {name!r} is missing")
    return found


def _typed(key: str, value: Any, wanted: Any) -> Any:
    """``value``, lists becoming tuples and a number that stands for text (``precision: 32``) text.

    YAML 1.1 takes 5e-3, without a point, for text.
    """
    if isinstance(value, list):
        value = tuple(value)
    if wanted is float and isinstance(value, str) and _WITHOUT_POINT.fullmatch(value):
        value = float(value)
    if wanted is str and type(value) is int:
        value = str(value)
    accepted = (int, float) if wanted is float else wanted
    fits = wanted not in _EXPECTED or isinstance(value, accepted)
    if not fits or (wanted in (int, float) and isinstance(value, bool)):
        raise _wrong(key, value, _EXPECTED[wanted])
    return value


def _wrong(key: str, value: Any, expected: str) -> InputError:
    shown = list(value) if isinstance(value, tuple) else value
    return InputError(f"setting {key!r} is {shown!r}; expected {expected}")


def check(recipe: Any) -> None:
    """``InputError`` for settings of a ``Recipe`` that are out of range or do not go together."""
    for key, choices in CHOICES.items():
        if getattr(recipe, key) not in choices:
            raise _wrong(key, getattr(recipe, key), f"one of {', '.join(choices)}")
    for key, (low, high, words) in RANGES.items():
        value = getattr(recipe, key)
        if not (low <= value <= high and math.isfinite(value)):
            raise _wrong(key, value, words)
    _check_lists(recipe)
    _check_pairs(recipe)


def _check_lists(recipe: Any) -> None:
    if not recipe.name.strip():
        raise _wrong("name", recipe.name, "text")
    if not (isinstance(recipe.options, dict) and all(isinstance(key, str) for key in recipe.options)):
        raise _wrong("options", recipe.options, "a mapping of the network's options to values")
    for key, least in (("mean", 0.0), ("std", 0.001)):  # as in a model card
        values = getattr(recipe, key)
        if not (_numbers(values, least) and len(values) == 3 and max(values) <= 1):
            raise _wrong(key, values, f"three numbers from {least:g} to 1, for red, green and blue")
    for key in ("scales", "teacher_scales"):
        if not (_numbers(getattr(recipe, key), ABOVE_ZERO) and getattr(recipe, key)):
            raise _wrong(key, getattr(recipe, key), "a list of numbers above 0")
    folders = recipe.unlabelled
    if not (isinstance(folders, tuple) and all(isinstance(folder, str) for folder in folders)):
        raise _wrong("unlabelled", folders, "a list of folders")
    ends = recipe.scale_range
    if not (_numbers(ends, ABOVE_ZERO) and (not ends or (len(ends) == 2 and ends[0] <= ends[1]))):
        raise _wrong("scale_range", ends, "[smallest, largest], both above 0")
    strides = recipe.detail_strides
    whole = isinstance(strides, tuple) and all(type(stride) is int for stride in strides)
    if not (whole and strides and len({1, 2, 4}.intersection(strides)) == len(strides)):
        raise _wrong("detail_strides", strides, "a list of some of 1, 2 and 4; detail_weight 0 is none")
    weights = recipe.class_weights
    if weights not in ("none", "inverse_log") and not (_numbers(weights, 0.0) and any(weights)):
        raise _wrong("class_weights", weights, "none, inverse_log, or a number for each class, not all 0")


def _numbers(values: Any, least: float) -> bool:
    return isinstance(values, tuple) and all(
        isinstance(value, (int, float)) and not isinstance(value, bool) and least <= value < math.inf
        for value in values
    )


def _check_pairs(recipe: Any) -> None:
    for what in ("eval", "resize"):
        width, height = getattr(recipe, f"{what}_width"), getattr(recipe, f"{what}_height")
        if bool(width) != bool(height):
            given, absent = ("width", "height") if width else ("height", "width")
            raise InputError(f"setting '{what}_{given}' needs '{what}_{absent}' too; give both or none")
    if recipe.batch_size % recipe.accumulate or recipe.batch_size < 2 * recipe.accumulate:
        raise InputError(
            f"setting 'accumulate' is {recipe.accumulate}; expected a number of equal parts of batch_size "
            f"{recipe.batch_size} with 2 or more samples each"
        )
    if recipe.teacher and (recipe.crop_width % STRIDE or recipe.crop_height % STRIDE):
        raise InputError(f"a crop of {recipe.crop_width}x{recipe.crop_height} does not lie on the pixels of "
                         f"soft labels; with a 'teacher' both sides are multiples of {STRIDE}")
    if recipe.unlabelled and not recipe.teacher:
        raise InputError("setting 'unlabelled' needs a 'teacher' that labels those images; give both or none")
    if recipe.class_weights == "inverse_log" and not recipe.train_split:
        raise InputError("setting 'class_weights' is inverse_log, which counts labels; there are none")
    if recipe.min_learning_rate > recipe.learning_rate:
        raise InputError(
            f"setting 'min_learning_rate' is {recipe.min_learning_rate}; expected at most learning_rate "
            f"{recipe.learning_rate}"
        )
