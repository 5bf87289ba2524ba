"""The parts of the package that need PyTorch, which a deployed machine does not have."""

import importlib
from pathlib import Path
from types import ModuleType

from bisenet_core.errors import InputError

_TRAINING_LIBRARIES = {
    "torch",
    "lightning",
    "torchmetrics",
    "onnx",
    "onnxruntime",
    "safetensors",
    "tensorboard",
    "filelock",
}


def training_code(module: str) -> ModuleType:
    """Import ``module``. Raises InputError, saying what to install, where its libraries are missing."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        library = (error.name or "").split(".")[0]
        if library not in {*_TRAINING_LIBRARIES, "openvino"}:
            raise
        extra = "cpu" if library == "openvino" else "train"
        raise InputError(
            f"this command needs {error.name}, which is not installed: pip install 'bisenet_ros[{extra}]'"
        ) from None


def validation_miou(checkpoint: Path) -> float | None:
    """Mean IoU on the validation split, where ``checkpoint`` is the one that was kept for it."""
    content = training_code("torch").load(checkpoint, map_location="cpu", weights_only=True)
    for state in content.get("callbacks", {}).values():
        if state.get("monitor") == "val_miou" and Path(state["best_model_path"]).name == checkpoint.name:
            return float(state["best_model_score"])
    return None
