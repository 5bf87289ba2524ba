"""The network that `bisenet evaluate` scores: a model folder, or a checkpoint before or after export."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bisenet_core.commands.extras import training_code
from bisenet_core.errors import InputError
from bisenet_core.evaluation.protocols import SizedNetwork

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
