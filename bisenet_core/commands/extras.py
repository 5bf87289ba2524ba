"""The parts of the package that need PyTorch, which a deployed machine does not have."""

import importlib
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
}


def training_code(module: str) -> ModuleType:
    """Import ``module``. Raises InputError, saying what to install, where its libraries are missing."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in _TRAINING_LIBRARIES:
            raise
        raise InputError(
            f"this command needs {error.name}, which is not installed: pip install 'bisenet_ros[train]'"
        ) from None
