"""ModelCard: the description of a deployed network, model.json beside its model.onnx."""

import hashlib
import json
import math
import re
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Optional, Sequence, Tuple, Union

from bisenet_core.errors import InputError, explain_os_errors, suggest
from bisenet_core.files import locked, read_json, replacing
from bisenet_core.labels.label_space import LabelSpace
from bisenet_core.runtime.model_search import resolve_model
from bisenet_core.runtime.postprocessing import HALF_PIXEL, UPSAMPLINGS
from bisenet_core.runtime.quantised_file import INT8_NAME, QuantisedFile

__all__ = ["CARD_NAME", "ONNX_NAME", "SCHEMA_VERSION", "ModelCard", "file_sha256", "resolve_model"]

SCHEMA_VERSION = 1
CARD_NAME = "model.json"
ONNX_NAME = "model.onnx"
# How a tensor of ONNX begins to say in which other file it lies: the key "location", with its length.
_EXTERNAL = b"\n\x08location"


@dataclass(frozen=True)
class ModelCard:
    """Everything the runtime must know of a network, and where the network comes from.

    ``mean`` and ``std`` are RGB on the 0..1 scale, whatever ``color_order`` ("rgb" or "bgr", the order of the
    network's input channels) is. ``input_width`` and ``input_height`` are pixels. ``architecture_options``,
    ``recipe`` and ``metrics`` are JSON objects; ``training_data`` and ``licence`` are text for people.
    ``upsampling``, one of ``postprocessing.UPSAMPLINGS``, is how the logits are brought to the input's size.
    ``temperature`` divides the logits before the softmax that gives the confidence; labels do not change.
    ``int8`` tells of a quantised model.int8.onnx beside model.onnx; None where there is none.
    Raises InputError when a value has the wrong type or range.
    """

    name: str
    architecture: str
    architecture_options: Dict[str, Any]
    label_space: LabelSpace
    mean: Tuple[float, float, float]
    std: Tuple[float, float, float]
    color_order: str
    input_width: int
    input_height: int
    onnx_sha256: str
    training_data: str
    recipe: Dict[str, Any]
    metrics: Dict[str, Any]
    licence: str
    schema_version: int = SCHEMA_VERSION
    upsampling: str = HALF_PIXEL
    temperature: float = 1.0
    int8: Optional[QuantisedFile] = None
    #: where the card was loaded from or saved to; not part of model.json
    folder: Optional[Path] = field(default=None, compare=False)

    def __post_init__(self) -> None:
        for key, (expected, accepts) in _RULES.items():
            value = getattr(self, key)
            if not accepts(value):
                raise InputError(f"{key} is {_short(value)}; expected {expected}")
        object.__setattr__(self, "mean", tuple(self.mean))
        object.__setattr__(self, "std", tuple(self.std))

    @property
    def onnx_path(self) -> Path:
        """The network's file. Raises ValueError for a card that has no folder."""
        if self.folder is None:
            raise ValueError("this ModelCard was neither loaded from a folder nor saved to one")
        return self.folder / ONNX_NAME

    def network_sha256(self, precision: str) -> str:
        """SHA-256 of the file that is run in ``precision``."""
        return self.int8.sha256 if precision == "int8" and self.int8 else self.onnx_sha256

    def network_file(self, precision: str) -> Path:
        """The file that is run in ``precision``: for "int8" model.int8.onnx where the card names one."""
        quantised = precision == "int8" and self.int8 is not None
        return self.onnx_path.with_name(INT8_NAME) if quantised else self.onnx_path

    def read_onnx(self, precision: str = "fp32") -> bytes:
        """The file that is run in ``precision``.

        Raises InputError for another than the card names, for one in INT8 made of another model.onnx, and for
        one whose weights lie in other files.
        """
        path = self.network_file(precision)
        with explain_os_errors(f"{path} cannot be read"):
            content = path.read_bytes()
        if path != self.onnx_path:
            self._verify_int8(path, content)
        elif hashlib.sha256(content).hexdigest() != self.onnx_sha256:
            raise InputError(f"{path} has changed since its {CARD_NAME} was read; load the model again")
        if _EXTERNAL in content:
            raise InputError(f"{path} keeps weights in other files, which are not read: save it as one file, "
                             "with onnx.save(onnx.load(...), ...), and its SHA-256 in the card")
        return content

    @classmethod
    def load(cls, folder: Union[str, Path]) -> "ModelCard":
        """Read and check a model folder. Raises InputError, one line that names the file at fault."""
        folder = Path(folder)
        if not folder.is_dir():
            raise InputError(f"{folder} is not a folder; expected one with {ONNX_NAME} and {CARD_NAME}")
        content = _read_json(folder / CARD_NAME)
        try:
            card = replace(cls._from_json(content), folder=folder)
        except InputError as error:
            raise InputError(f"{folder / CARD_NAME}: {error}") from error
        card._verify_onnx()
        return card

    def save(self, folder: Union[str, Path]) -> "ModelCard":
        """Write model.json into an existing or new folder; returns the card with that folder."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        with replacing(folder / CARD_NAME, shared=True) as unfinished:
            unfinished.write_text(self._to_json(), encoding="utf-8")
        return replace(self, folder=folder)

    def amend(self, **changes: Any) -> "ModelCard":
        """Write ``changes`` into model.json as it is by now, since another command may have written it, too.

        ``metrics`` are added to those there. Returns the card. Raises InputError for another model.onnx.
        """
        folder = self.onnx_path.parent
        with locked(folder):
            now = ModelCard.load(folder)
            if now.onnx_sha256 != self.onnx_sha256:
                raise InputError(f"{self.onnx_path} was replaced meanwhile; do this again with the new one")
            metrics = {**now.metrics, **changes.pop("metrics", {})}
            return replace(now, metrics=metrics, **changes).save(folder)

    def _to_json(self) -> str:
        # A default is left out: an older program, which refuses unknown keys, reads what it would run right.
        content = {key: getattr(self, key) for key in _keys(ModelCard)
                   if key not in _OPTIONAL or getattr(self, key) != _OPTIONAL[key]}
        content["label_space"] = {key: getattr(self.label_space, key) for key in _keys(LabelSpace)}
        if self.int8:
            content["int8"] = asdict(self.int8)
        text = json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False)
        # A colour or a mean reads best on one line.
        return re.sub(r"\[[\d\s.,eE+-]+\]", lambda numbers: re.sub(r"\s+", " ", numbers.group())
                      .replace("[ ", "[").replace(" ]", "]"), text) + "\n"

    @classmethod
    def _from_json(cls, content: Dict[str, Any]) -> "ModelCard":
        version = content.get("schema_version") if isinstance(content, dict) else None
        if version != SCHEMA_VERSION:
            raise InputError(f"schema_version is {_short(version)}; this program reads {SCHEMA_VERSION}: "
                             "export the model again, or update the program")
        _check_keys(content, _keys(cls), "the card", _OPTIONAL)
        space = content["label_space"]
        _check_keys(space, _keys(LabelSpace), "label_space")
        return cls(**dict(content, label_space=_label_space(space), int8=_quantised(content.get("int8"))))

    def _verify_onnx(self) -> None:
        if not self.onnx_path.is_file():
            raise InputError(f"{self.onnx_path} is missing; export or fetch the model again")
        found = file_sha256(self.onnx_path)
        if found != self.onnx_sha256:
            raise InputError(f"{self.onnx_path} is tampered with or truncated: expected sha256 "
                             f"{self.onnx_sha256}, found {found}; export or fetch the model again")

    def _verify_int8(self, path: Path, content: bytes) -> None:
        if self.int8 is None or self.int8.onnx_sha256 != self.onnx_sha256:
            fault = f"was made of another {ONNX_NAME}"
        elif hashlib.sha256(content).hexdigest() != self.int8.sha256:
            fault = f"is damaged, or not the file that {CARD_NAME} names"
        else:
            return
        raise InputError(f"{path} {fault}; `bisenet quantize` makes it anew; or choose precision fp32")


def file_sha256(path: Union[str, Path]) -> str:
    """SHA-256 of a file, 64 lower-case hexadecimal digits. Raises InputError when it cannot be read."""
    digest = hashlib.sha256()
    with explain_os_errors(f"{path} cannot be read"), open(str(path), "rb") as stream:
        for block in iter(lambda: stream.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def _read_json(path: Path) -> Any:
    try:
        return read_json(path)
    except FileNotFoundError:
        raise InputError(f"{path} is missing; a model folder holds {ONNX_NAME} and {CARD_NAME}") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{path} is not valid JSON: {error}") from error


def _keys(cls: type) -> Sequence[str]:
    names = [item.name for item in fields(cls) if item.name != "folder"]
    return sorted(names, key=lambda name: name != "schema_version")  # a reader wants the version first


def _check_keys(content: Any, known: Sequence[str], where: str, optional: Iterable[str] = ()) -> None:
    if not isinstance(content, dict):
        raise InputError(f"{where} is {_short(content)}; expected a JSON object")
    for key in content:
        if key not in known:
            raise InputError(f"unknown key '{key}' in {where}; {suggest(key, known)}")
    for key in known:
        if key not in content and key not in optional:
            raise InputError(f"{where} lacks the key '{key}'")


def _label_space(content: Dict[str, Any]) -> LabelSpace:
    classes, palette = content["classes"], content["palette"]
    if not (_is_text(content["name"]) and _is_list(classes, _is_text)):
        raise InputError("label_space: name must be text, and classes a list of texts")
    if not _is_list(palette, lambda color: _is_list(color, _is_whole)):
        raise InputError("label_space: palette must be a list of [red, green, blue], each 0 to 255")
    if not _is_whole(content["ignore_id"]):
        raise InputError(f"label_space: ignore_id is {_short(content['ignore_id'])}; expected a whole number")
    return LabelSpace(content["name"], tuple(classes), tuple(map(tuple, palette)), content["ignore_id"])


def _quantised(content: Any) -> Optional[QuantisedFile]:
    if content is None:
        return None
    _check_keys(content, _keys(QuantisedFile), "int8")
    try:
        return QuantisedFile(**content)
    except InputError as error:
        raise InputError(f"int8: {error}") from error


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _is_list(value: Any, accepts: Callable[[Any], bool]) -> bool:
    return isinstance(value, (list, tuple)) and all(accepts(item) for item in value)


def _short(value: Any) -> str:
    text = "missing" if value is None else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


_TEXT = ("text", _is_text)
_OBJECT = ("a JSON object", lambda value: isinstance(value, dict))
_SIDE = ("a whole number of pixels above 0", lambda value: _is_whole(value) and value > 0)

# Keys that a card may lack, and what is meant then.
_OPTIONAL = {"upsampling": HALF_PIXEL, "temperature": 1.0, "int8": None}  # type: Dict[str, Any]

# What each value must be, in words and as a check.
_RULES = {
    "name": _TEXT, "architecture": _TEXT, "architecture_options": _OBJECT,
    "label_space": ("a LabelSpace", lambda value: isinstance(value, LabelSpace)),
    "mean": ("three numbers from 0 to 1, RGB; of a mean from 0 to 255, a 255th", lambda value: (
        _is_list(value, lambda item: _is_number(item) and 0 <= item <= 1) and len(value) == 3)),
    "std": ("three numbers from 0.001 to 1, RGB; of a std on the scale 0 to 255, a 255th", lambda value: (
        _is_list(value, lambda item: _is_number(item) and 0.001 <= item <= 1) and len(value) == 3)),
    "color_order": ("\"rgb\" or \"bgr\"", lambda value: value in ("rgb", "bgr")),
    "input_width": _SIDE, "input_height": _SIDE,
    "onnx_sha256": ("64 lower-case hexadecimal digits", lambda value: (
        _is_text(value) and re.match(r"[0-9a-f]{64}\Z", value) is not None)),
    "training_data": _TEXT, "recipe": _OBJECT, "metrics": _OBJECT, "licence": _TEXT,
    "upsampling": (" or ".join(UPSAMPLINGS), lambda value: value in UPSAMPLINGS),
    "temperature": ("a number from 0.1 to 10", lambda value: _is_number(value) and 0.1 <= value <= 10),
    "int8": ("a QuantisedFile or None", lambda value: value is None or isinstance(value, QuantisedFile)),
    "schema_version": (str(SCHEMA_VERSION), lambda value: value == SCHEMA_VERSION),
}  # type: Dict[str, Tuple[str, Callable[[Any], bool]]]
