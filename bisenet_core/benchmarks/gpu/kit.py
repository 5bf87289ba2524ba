"""Read the kit of a gpu-check: networks, the plain way's graphs and reference labels. See make_kit."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from bisenet_core.errors import InputError
from bisenet_core.runtime.model_card import ModelCard

MODEL, PLAIN, REFERENCE, WEIGHTS = "model", "plain", "reference.npz", "network.pt"


class Subject:
    """One network of a kit: ``folder`` holds model/, plain/, reference.npz and perhaps network.pt."""

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

    @property
    def plain_card(self) -> ModelCard:
        """Of the graph that ends in labels; "logits" it has none."""
        return ModelCard.load(self.folder / PLAIN)

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
