"""TunedChoice: the backend and precision that `bisenet tune` found fastest here, kept in the user's cache."""

import hashlib
import json
import logging
import os
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from bisenet_core.errors import InputError, explain_os_errors, printable
from bisenet_core.files import read_json, replacing, user_cache
from bisenet_core.runtime.candidates import CANDIDATES
from bisenet_core.runtime.model_card import ModelCard
from bisenet_core.runtime.quantised_file import cpu_info, with_int8

_LOGGER = logging.getLogger(__name__)

# How lines of /proc/cpuinfo begin that tell kinds of CPU apart; the name alone may be "AMD EPYC".
_CPU_LINES = ("model", "flags", "CPU part", "Features")


class TunedChoice(NamedTuple):
    """What is fastest for one model at one input size on this CPU."""

    backend: str
    precision: str
    measured: str  # in words, such as "21.3 ms, the fastest of 5"


def store_choice(card: ModelCard, size: Tuple[int, int], choice: TunedChoice) -> Path:
    """Keep ``choice`` for ``card`` at ``size``, (width, height), on this CPU: the file. Raises InputError."""
    try:
        path, key = _entry(card, size)
    except RuntimeError as error:  # of a user without a home
        raise InputError(f"no folder for what was measured: {error}; set HOME or XDG_CACHE_HOME") from error
    with explain_os_errors(f"{path} cannot be written", "make room, or set XDG_CACHE_HOME to another folder"):
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path, shared=True) as unfinished:
            unfinished.write_text(json.dumps(dict(choice._asdict(), key=key), indent=2) + "\n")
    return path


def stored_choice(card: ModelCard, size: Tuple[int, int]) -> Optional[TunedChoice]:
    """What ``store_choice`` has kept, or None; a warning says why an entry that is there is not used."""
    try:
        path, key = _entry(card, size)
        content = read_json(path)
        if not isinstance(content, dict) or content.get("key") != key:
            raise ValueError("it is of another CPU, model or input size")
        choice = TunedChoice(*(printable(str(content.get(name))) for name in TunedChoice._fields))
        if choice[:2] not in choices_on_cpu(card):
            raise ValueError('{} in {} is not for "auto" to choose here'.format(*choice))
        return choice
    except (FileNotFoundError, NotADirectoryError, RuntimeError):  # the last of a user without a home
        return None
    except (OSError, ValueError) as error:
        _LOGGER.warning("%s is ignored: %s; `bisenet tune` makes it anew", path, error)
        return None


def choices_on_cpu(card: ModelCard) -> List[Tuple[str, str]]:
    """(backend, precision) of all that "auto" is free to choose on a CPU: INT8 only where it costs little."""
    int8 = with_int8(card.int8, ["fp32"])[0] == "int8"
    return [(one.backend, precision) for one in CANDIDATES if one.device == "cpu"
            for precision in one.precisions if int8 or precision != "int8"]


def _entry(card: ModelCard, size: Tuple[int, int]) -> Tuple[Path, Dict[str, Any]]:
    """Where a choice is kept, and what it holds for. Raises RuntimeError for a user without a home."""
    cpu = sorted({" ".join(line.split()) for line in cpu_info() if line.startswith(_CPU_LINES)})
    key = {"cpu": cpu, "processors": len(os.sched_getaffinity(0)), "model": card.name, "input": list(size),
           "onnx_sha256": card.onnx_sha256, "int8_sha256": card.network_sha256("int8")}
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode("utf-8")).hexdigest()
    return user_cache("tuned") / (digest[:16] + ".json"), key
