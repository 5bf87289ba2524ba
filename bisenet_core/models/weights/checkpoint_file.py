"""Read a file of tensors that somebody else has saved, without running code from it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from bisenet_core.errors import InputError
from bisenet_core.models.weights.torch_file import load_torch_file

#: Under these keys training programs keep the network's tensors, beside their own state.
WRAPPERS = ("state_dict", "model")


class PublishedCheckpoint(NamedTuple):
    """Tensors by their publisher's names, and what mmsegmentation notes beside them."""

    state: dict[str, Tensor]
    meta: Mapping[str, Any]


def read_published(path: Path | str) -> PublishedCheckpoint:
    """Tensors and notes of ``path``, a file of ``torch.save``.

    ``InputError`` as of ``load_torch_file``, and for a file that holds more than tensors by name.
    """
    content = load_torch_file(path)
    meta = content.get("meta") if isinstance(content, Mapping) else None
    meta = meta if isinstance(meta, Mapping) else {}
    for wrapper in WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
    if not isinstance(content, Mapping) or not content:
        raise InputError(f"{path} holds {type(content).__name__}; expected tensors by name")
    others = [str(name) for name, value in content.items() if not isinstance(value, Tensor)]
    others += [str(name) for name in content if not isinstance(name, str)]
    if others:
        raise InputError(f"{path} holds more than tensors by name: {', '.join(others[:3])}")
    state = {name.removeprefix("module."): tensor for name, tensor in content.items()}  # DataParallel's
    dense = {name for name, tensor in state.items() if tensor.layout == torch.strided}
    odd = [name for name, tensor in state.items()  # a norm's count of batches is whole
           if name not in dense or not (tensor.is_floating_point() or tensor.dtype == torch.int64)]
    if odd or len(state) != len(content):
        what = f"{odd[0]} is no dense floating-point tensor" if odd else "a tensor with and without module."
        raise InputError(f"{path} holds what no network here has: {what}")
    return PublishedCheckpoint(state, meta)
