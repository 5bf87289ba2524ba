"""What commands need of the training code: to import it, its scores, and the network to evaluate."""

import importlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from math import isfinite
from pathlib import Path
from types import ModuleType

from bisenet_core.errors import InputError
from bisenet_core.evaluation.protocols import SizedNetwork
from bisenet_core.reports.parts.formats import points

_TRAINING = ("torch", "lightning_fabric", "PIL", "onnx", "onnxruntime", "safetensors", "tensorboard",
             "filelock")
#: By library: the extra of this package that brings it.
_EXTRAS = {**dict.fromkeys(_TRAINING, "train"), "openvino": "cpu", "nncf": "quantize"}


def training_code(module: str) -> ModuleType:
    """Import ``module``. Raises InputError, saying what to install, where its libraries are missing."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        extra = _EXTRAS.get((error.name or "").split(".")[0])
        if extra is None:
            raise
        raise InputError(
            f"this command needs {error.name}, which is not installed: pip install 'bisenet_ros[{extra}]', "
            "or in a checkout `make tools`"
        ) from None


def validation_score(checkpoint: Path) -> dict[str, float | None]:
    """What ``checkpoint`` was kept for: ``miou`` or, of whole images, ``top1`` on the validation split."""
    content = training_code("bisenet_core.models.weights.torch_file").load_torch_file(checkpoint)
    for state in content.get("callbacks", {}).values():
        if "monitor" in state and Path(state.get("best_model_path", "")).name == checkpoint.name:
            score = float(state["best_model_score"])
            return {state["monitor"].removeprefix("val_"): score if isfinite(score) else None}
    return {"miou": None}


def shown_score(score: dict[str, float | None]) -> list[tuple[str, str]]:
    """Rows of a table that tell of a ``validation_score``."""
    return [(f"validation {key}", f"{points(value)} %") for key, value in score.items() if value is not None]


CHECKPOINT_SUFFIX = ".ckpt"


def is_checkpoint(model: str) -> bool:
    """Whether ``model`` names a checkpoint of `bisenet train`, and not a model folder."""
    return Path(model).suffix == CHECKPOINT_SUFFIX


@contextmanager
def open_network(model: str, backend: str, precision: str) -> Iterator[SizedNetwork]:
    """``model`` on ``backend``. A checkpoint runs in torch, or is exported first for any other backend.

    Raises InputError for what cannot be opened, ParityError for a checkpoint whose export differs from it.
    """
    if not is_checkpoint(model):
        if backend == "torch":
            raise InputError(
                f"backend torch runs checkpoints of `bisenet train` (*{CHECKPOINT_SUFFIX}), and {model} is a "
                "model folder; use auto, tensorrt, openvino or onnxruntime"
            )
        with SizedNetwork.of_folder(model, backend, precision) as network:
            yield network
    elif backend in ("auto", "torch"):
        code = training_code("bisenet_core.deployment.torch_backend")
        with code.open_checkpoint(model, precision) as network:
            yield network
    else:
        with tempfile.TemporaryDirectory() as folder:
            training_code("bisenet_core.deployment.exporter").export_model(model, folder)
            with SizedNetwork.of_folder(folder, backend, precision) as network:
                yield network
