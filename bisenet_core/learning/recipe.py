"""A training recipe: everything that decides the result, in one readable file."""

from dataclasses import asdict, dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from bisenet_core.errors import InputError

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Recipe:
    """Settings of one training run. ``Recipe.load`` reads them from YAML; an unknown key is an error.

    ``input_width`` x ``input_height`` is what the deployed network is fed; 0 means the crop's size.
    """

    name: str
    dataset: str
    network: str = "bisenetv2"
    options: dict[str, Any] = field(default_factory=dict)
    iterations: int = 10_000
    batch_size: int = 16
    learning_rate: float = 0.05
    momentum: float = 0.9
    weight_decay: float = 0.0005
    poly_power: float = 0.9
    warmup_iterations: int = 0
    crop_width: int = 960
    crop_height: int = 720
    input_width: int = 0
    input_height: int = 0
    scales: tuple[float, ...] = (0.75, 1.0, 1.25, 1.5, 1.75, 2.0)
    colour: float = 0.0
    ohem_threshold: float = 0.7
    ohem_min_kept: float = 1 / 16
    booster_weight: float = 1.0
    gradient_clip: float = 0.0
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    precision: str = "bf16-mixed"
    validate_every_epochs: int = 4
    seed: int = 0

    @classmethod
    def load(cls, path: Path | str) -> "Recipe":
        """Read ``path``. ``InputError`` names an unreadable file, an unknown key or a missing one."""
        try:
            values = yaml.safe_load(Path(path).read_text())
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise InputError(f"recipe {path} cannot be read: {' '.join(str(error).split())}") from None
        if not isinstance(values, dict):
            raise InputError(f"recipe {path} is not a mapping of settings to values")
        return cls.from_dict(values, str(path))

    @classmethod
    def from_dict(cls, values: dict[str, Any], origin: str = "recipe") -> "Recipe":
        """Build from plain values, lists becoming tuples."""
        known = [f.name for f in fields(cls)]
        for key in values:
            if key not in known:
                near = get_close_matches(str(key), known, 1)
                hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
                raise InputError(f"{origin}: unknown setting {key!r}; {hint}")
            _check_type(origin, key, values[key], cls.__dataclass_fields__[key].type)
        for key in ("name", "dataset"):
            if key not in values:
                raise InputError(f"{origin}: setting {key!r} is missing")
        if values.get("batch_size", cls.batch_size) < 2:
            raise InputError(f"{origin}: batch_size is {values['batch_size']}; batch norms need 2 or more")
        settings: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
        return cls(**settings)

    @property
    def input_size(self) -> tuple[int, int]:
        """(width, height) of the deployed network's input."""
        return self.input_width or self.crop_width, self.input_height or self.crop_height

    def to_dict(self) -> dict[str, Any]:
        """Plain values for YAML, JSON and the model card, tuples becoming lists."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}


_EXPECTED = {int: "a whole number", float: "a number", str: "text"}


def _check_type(origin: str, key: str, value: Any, wanted: Any) -> None:
    """Raise ``InputError`` for a plain setting of another type; lists and mappings are checked in use."""
    fits = isinstance(value, (int, float) if wanted is float else wanted) if wanted in _EXPECTED else True
    if not fits or (wanted in (int, float) and isinstance(value, bool)):
        raise InputError(f"{origin}: setting {key!r} is {value!r}; expected {_EXPECTED[wanted]}")
