"""Read the kit of a gpu-check: networks and reference labels. See make_kit."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from bisenet_core.errors import InputError
from bisenet_core.runtime.model_card import ModelCard

MODEL, REFERENCE, WEIGHTS = "model", "reference.npz", "network.pt"


class Subject:
    """One network of a kit: ``folder`` holds model/, reference.npz and perhaps network.pt."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.model = folder / MODEL
        self.weights = folder / WEIGHTS
        if not self.model.is_dir():
            raise InputError(f"{folder} holds no network; make the kit with scripts/gpu_check_kit")

    @property
    def card(self) -> ModelCard:
        """Of the network alone, checked against its file."""
        return ModelCard.load(self.model)

    def references(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """(HxWx3 uint8 rgb, HxW uint8 labels of ONNX Runtime on the CPU in FP32) of a few street frames."""
        with np.load(self.folder / REFERENCE) as content:
            yield from zip(content["images"], content["labels"])


def subjects_of(kit: Path) -> list[str]:
    """Names of the networks in ``kit``, sorted. Raises InputError where there are none."""
    found = sorted(path.parent.name for path in kit.glob(f"*/{MODEL}"))
    if not found:
        raise InputError(f"{kit} holds no networks; make the kit with scripts/gpu_check_kit {kit}")
    return found
