"""Copy a checkpoint's tensors into a network: all of them, or none."""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from bisenet_core.errors import InputError

SHOWN = 3


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
