"""The network of a checkpoint: all of its tensors are copied, or none."""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from bisenet_core.errors import InputError
from bisenet_core.learning.checkpoint import Checkpoint
from bisenet_core.models import create_model

SHOWN = 3


def load_network(checkpoint: Checkpoint, origin: Path | str, auxiliary: bool = False) -> nn.Module:
    """The network of ``checkpoint``, read from ``origin``, in evaluation mode.

    ``auxiliary``: with those of its auxiliary heads that were kept. ``InputError`` as ``load_exactly``, and
    for a network that labels whole images.
    """
    recipe, space, state = checkpoint[:3]
    if space is None:
        raise InputError(f"{origin} is of a network that labels whole images; expected one for pixels")
    tensors = {name.removeprefix("network."): tensor for name, tensor in state.items()
               if name.startswith("network.")}
    heads = {name for name in tensors if name.startswith("auxiliary.")}
    options = {**recipe.options, "auxiliary": auxiliary and bool(heads)}
    network = create_model(recipe.network, space.num_classes, **options)
    dropped = set() if auxiliary else heads
    load_exactly(network, {name: tensors[name] for name in tensors.keys() - dropped}, origin)
    return network.eval()


def load_exactly(network: nn.Module, state: Mapping[str, Tensor], origin: Path | str) -> None:
    """Copy ``state`` into ``network``, whose every tensor it must hold, in its shape, and no other.

    Only a norm's count of batches may be absent: it says nothing once training is over, and some public
    norms keep none. ``InputError`` names ``origin`` and the first tensors that are wrong, and nothing is
    copied.
    """
    wanted = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    found = {name: tuple(tensor.shape) for name, tensor in state.items()}
    wrong = [
        _fault(name, wanted.get(name), found.get(name))
        for name in sorted({*wanted, *found})
        if wanted.get(name) != found.get(name) and not name.endswith("num_batches_tracked")
    ]
    if wrong:
        raise InputError(
            f"{origin} does not fit {type(network).__name__}: {len(wrong)} of its tensors are wrong, "
            f"first {'; '.join(wrong[:SHOWN])}"
        )
    network.load_state_dict(state, strict=False)


def _fault(name: str, wanted: tuple[int, ...] | None, found: tuple[int, ...] | None) -> str:
    if found is None:
        return f"{name} is missing"
    return f"{name} is extra" if wanted is None else f"{name} is {_text(found)}, expected {_text(wanted)}"


def _text(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "a single number"
