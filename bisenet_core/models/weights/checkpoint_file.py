"""Read a file of tensors that somebody else has saved, without running code from it."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from bisenet_core.errors import InputError

#: Under these keys training programs keep the network's tensors, beside their own state.
WRAPPERS = ("state_dict", "model")

_SCALAR = np.float64(0).__reduce__()[0]
#: numpy's numbers, such as a best score that is noted beside the tensors: they are data and no code.
NUMPY_NUMBERS = [
    (_SCALAR, "numpy.core.multiarray.scalar"),
    (_SCALAR, "numpy._core.multiarray.scalar"),
    np.dtype,
    *(type(np.dtype(kind)) for kind in "?bhilqBHILQefd"),
]


class PublishedCheckpoint(NamedTuple):
    """Tensors by their publisher's names, and what mmsegmentation notes beside them."""

    state: dict[str, Tensor]
    meta: Mapping[str, Any]


def read_published(path: Path | str) -> PublishedCheckpoint:
    """Tensors and notes of ``path``, a file of ``torch.save``.

    ``InputError`` for a file that is missing, is no such file, or holds more than tensors, numbers and text:
    to load that would run code from it.
    """
    content = _load(path)
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
    state = {_bare(name): tensor for name, tensor in content.items()}
    odd = [name for name, tensor in state.items() if not _is_plain(tensor)]
    if odd or len(state) != len(content):
        what = f"{odd[0]} is no dense floating-point tensor" if odd else "a tensor with and without module."
        raise InputError(f"{path} holds what no network here has: {what}")
    return PublishedCheckpoint(state, meta)


def _load(path: Path | str) -> Any:
    try:
        with torch.serialization.safe_globals(NUMPY_NUMBERS):
            return torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise InputError(f"checkpoint {path} cannot be read: {error.strerror}") from None
    except Exception as error:  # torch raises many kinds for a file that is not a checkpoint
        code = re.search(r"GLOBAL (\S+)", str(error))
        if code:
            raise InputError(
                f"{path} holds {code.group(1)}, which only its own program can load; expected nothing but "
                "tensors, numbers and text: save its state_dict alone"
            ) from None
        raise InputError(
            f"{path} is not a file of torch.save, only a part of one, or holds more than tensors and text"
        ) from None


def _is_plain(tensor: Tensor) -> bool:
    """Dense numbers; a norm's count of batches is whole."""
    return tensor.layout == torch.strided and (tensor.is_floating_point() or tensor.dtype == torch.int64)


def _bare(name: str) -> str:
    return name.removeprefix("module.")  # DataParallel's
