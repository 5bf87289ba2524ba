"""Pre-trained weights for the trunk of a network, from a file."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from torch import Tensor, nn

from bisenet_core.errors import InputError
from bisenet_core.learning.model_folder import read_trained
from bisenet_core.learning.optimizer import HEADS
from bisenet_core.models.weights.torch_file import read_published, refuse_other_kinds
from bisenet_core.models.weights.trunk_names import TRUNKS, trunk_tensors

#: At least this share of the tensors of the trunk and of the file's trunk must be the same ones.
ENOUGH = 0.9
SHOWN = 3


class Fit(NamedTuple):
    """How the tensors of a file and those of a trunk fit; ``str`` tells it in one line."""

    matched: dict[str, Tensor]
    misfits: list[str]

    @property
    def share(self) -> float:
        """Matched tensors as a share of all that are in the trunk or in the file."""
        return len(self.matched) / max(1, len(self.matched) + len(self.misfits))

    def __str__(self) -> str:
        first = f"; first of the others: {'; '.join(self.misfits[:SHOWN])}" if self.misfits else ""
        return f"{len(self.matched)} of {len(self.matched) + len(self.misfits)} tensors match{first}"


def load_backbone(network: nn.Module, path: Path | str) -> Fit:
    """Copy pre-trained weights from ``path`` into the trunk of ``network``, and say how many there were.

    The file is one of torch.save or safetensors, and holds one of: a checkpoint of ``bisenet train``, of
    classification or segmentation; a ResNet named as in torchvision or, with a deep stem, as in
    mmsegmentation or timm; MobileNetV2 as in torchvision or timm; ShuffleNetV2 1.5x as its authors name it;
    an STDC network as STDC-Seg publishes it. Its classifier is left aside. Instead of
    a file it may be a model folder, whose norms then are identities.

    A network made of no trunk that others train, BiSeNetV2, is its own but for the heads: it begins from what
    it learnt of another data set, whose classes may be others.

    ``InputError`` for a file that cannot be read and for one whose tensors are mostly others; nothing is
    copied then.
    """
    trunk = _trunk(network)
    found = trunk_tensors(read_tensors(path))
    fit = _fit(trunk.state_dict(), {n: t for n, t in found.items() if n.split(".")[0] not in HEADS})
    if fit.share < ENOUGH:
        raise InputError(
            f"{path} does not fit {type(trunk).__name__}, the trunk of {type(network).__name__}: {fit}; "
            f"expected {ENOUGH:.0%} or more"
        )
    trunk.load_state_dict(fit.matched, strict=False)
    logging.getLogger(__name__).info("trunk from %s: %s", path, fit)
    return fit


def read_tensors(path: Path | str) -> Mapping[str, Tensor]:
    """Tensors of ``path`` by name. ``InputError`` for a file that holds none, or more than data."""
    if Path(path).is_dir():
        return {name.removeprefix("network."): t for name, t in read_trained(path).state.items()}
    if Path(path).suffix == ".safetensors":
        return _read_safetensors(path)
    return read_published(path).state


def _read_safetensors(path: Path | str) -> Mapping[str, Tensor]:
    try:
        from safetensors.torch import load_file  # an extra of its own: only who has such a file needs it
    except ModuleNotFoundError:
        raise InputError(f"{path} needs safetensors to be read: pip install safetensors") from None
    try:
        refuse_other_kinds(Path(path))
        return load_file(path)
    except InputError:
        raise
    except Exception as error:  # a missing or damaged file, in the library's own kinds
        raise InputError(f"{path} cannot be read: {' '.join(str(error).split())[:120]}") from None


def _trunk(network: nn.Module) -> nn.Module:
    found = [module for name, module in network.named_modules() if name in TRUNKS]
    if found:
        return found[0]
    return nn.ModuleDict({name: module for name, module in network.named_children() if name not in HEADS})


def _fit(wanted: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> Fit:
    matched, misfits = {}, []
    for name in (*wanted, *(name for name in found if name not in wanted)):
        if name.endswith("num_batches_tracked"):
            continue  # says nothing once training is over, and older files keep none
        if name not in found:
            misfits.append(f"{name} is missing")
        elif name not in wanted:
            misfits.append(f"{name} is extra")
        elif wanted[name].shape != found[name].shape:
            misfits.append(f"{name} is {_text(found[name])}, expected {_text(wanted[name])}")
        else:
            matched[name] = found[name]
    return Fit(matched, misfits)


def _text(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "a single number"
