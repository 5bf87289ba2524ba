"""Load a file of torch.save, whole and unharmed, without running code from it."""

import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from bisenet_core.errors import InputError
from bisenet_core.files import open_regular

_SCALAR = np.float64(0).__reduce__()[0]
#: numpy's numbers, such as a best score that is noted beside the tensors: they are data and no code.
NUMPY_NUMBERS = [
    (_SCALAR, "numpy.core.multiarray.scalar"),
    (_SCALAR, "numpy._core.multiarray.scalar"),
    np.dtype,
    *(type(np.dtype(kind)) for kind in "?bhilqBHILQefd"),
]

_MOST_UNPACKED = 4  # times the archive: torch.save compresses nothing
_ZIP = b"PK\x03\x04"
_AGAIN = "copy or download it again, or take another checkpoint of the run"
#: How files begin that people have in place of a checkpoint, in lower case, and what these are.
_OTHERS: tuple[tuple[bytes, str], ...] = (
    (b"version https://git-lfs", "the pointer that Git LFS keeps in place of a file; run `git lfs pull`"),
    (b"<!doctype html", "a web page (HTML); download the file itself"),
    (b"<html", "a web page (HTML); download the file itself"),
    (b"\x1f\x8b", "compressed with gzip; unpack it"),
    (b"7z\xbc\xaf", "a 7-Zip archive; unpack it"),
    (b"\x89hdf", "a file of HDF5, such as Keras writes"),
    (b"\x89png", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
)


def load_torch_file(path: Path | str) -> Any:
    """The content of ``path``: tensors on the CPU, numbers, text, and lists and dicts of them.

    Each part of the file is compared with its checksum, which torch.load leaves out; files from before
    PyTorch 1.6, and those saved without checksums, have none. ``InputError`` for a file that is missing,
    damaged or another, which it says, and for one with more than data: to load that would run its code.
    """
    path = Path(path)
    try:
        refuse_other_kinds(path)
        _check_parts(path)
        with torch.serialization.safe_globals(NUMPY_NUMBERS):
            return torch.load(path, map_location="cpu", weights_only=True)
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"checkpoint {path} cannot be read: {error.strerror or error}") from None
    except Exception as error:  # torch raises many kinds for a file that is not a checkpoint
        raise _unreadable(path, str(error)) from None


def refuse_other_kinds(path: Path) -> None:
    """``InputError`` for an empty file, a text, and other files that are plainly no weights. OSError."""
    with open_regular(path) as file:
        begin = file.read(512)
    what = _kind_of(begin)
    if what is not None:
        raise InputError(f"{path} is not a checkpoint: it is {what}")


def _kind_of(begin: bytes) -> str | None:
    """What a file is that begins with these bytes; None for one that may hold tensors."""
    if not begin:
        return "empty; copy or download it again"
    lower = begin.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    known = next((what for magic, what in _OTHERS if lower.startswith(magic)), None)
    if known is not None or not _is_text(begin):
        return known
    return f"a text, which begins with {begin.decode('utf-8', 'replace').split()[:5]}"


def _is_text(begin: bytes) -> bool:
    # UTF-8 may be cut amidst a character; what is printed has no control characters but white space
    text = begin.decode("utf-8", "ignore")
    whole = len(text.encode()) >= len(begin) - 3
    return whole and bool(text.split()) and all(c.isprintable() or c.isspace() for c in text)


def _check_parts(path: Path) -> None:
    """Compare the parts of the archive that torch.save writes with their checksums."""
    with path.open("rb") as file:
        begins_as_archive = file.read(4) == _ZIP
    if not begins_as_archive:
        return  # PyTorch before 1.6: a plain pickle
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
            if sum(part.file_size for part in parts) > _MOST_UNPACKED * path.stat().st_size:
                raise InputError(f"{path} is not a checkpoint: its parts unpack to more than it can hold")
            if not any(part.CRC for part in parts):
                return
            damaged = archive.testzip()
    except (zipfile.BadZipFile, EOFError, NotImplementedError) as error:
        raise InputError(f"{path} is damaged or only a part of a file ({error}); {_AGAIN}") from None
    if damaged is not None:
        raise InputError(f"{path} is damaged: the checksum of {damaged} in it is wrong; {_AGAIN}")
    if not any(part.filename.endswith("data.pkl") for part in parts):
        raise InputError(f"{path} is not a checkpoint: it is an archive (zip) of other files; unpack it")

def _unreadable(path: Path, reason: str) -> InputError:
    code = re.search(r"GLOBAL (\S+)", reason)
    if code:
        return InputError(
            f"{path} holds {code.group(1)}, which only its own program can load; expected nothing but "
            "tensors, numbers and text: save its state_dict alone"
        )
    return InputError(
        f"{path} is not a checkpoint: it is no file of torch.save, only a part of one, or holds more than "
        "tensors and text"
    )


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
