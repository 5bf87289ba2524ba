"""Every start of a run: when it was, how far it came, and what its result depends on besides the recipe."""

import json
import os
import platform
import subprocess
import sys
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import lightning_fabric
import numpy as np
import torch

from bisenet_core import __version__
from bisenet_core.errors import InputError
from bisenet_core.files import replacing
from bisenet_core.learning.run_report.metrics_file import LOGS

FILE_NAME = "run.json"


@dataclass
class Start:
    """One start of a run, from iteration ``begin`` to ``end``. Times are in seconds."""

    begin: int
    end: int
    seconds: float = 0.0
    training_seconds: float = 0.0
    """Without validation."""
    outcome: str = "running"
    """running (or killed), finished, or why it ended."""
    started: str = field(default_factory=lambda: datetime.now(timezone.utc).isoformat(timespec="seconds"))
    command: list[str] = field(default_factory=lambda: list(sys.argv))
    root: str = ""
    """Folder of the data set."""
    versions: dict[str, str] = field(default_factory=dict)
    git: dict[str, Any] | None = None
    hardware: str = ""


def read_starts(output: Path) -> list[Start]:
    """The starts noted in ``output``/logs/run.json; none without that file. InputError for a damaged one."""
    path, known = output / LOGS / FILE_NAME, {one.name for one in fields(Start)}
    try:
        rows = json.loads(path.read_text())["starts"]
        return [Start(**{name: value for name, value in row.items() if name in known}) for row in rows]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(f"{path} cannot be read: {' '.join(str(error).split())}; restore it, or remove it "
                         "to do without the history of the run's starts") from None


def write_starts(output: Path, starts: list[Start]) -> None:
    """Replace the file. Raises OSError where that is not possible."""
    path = output / LOGS / FILE_NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as unfinished:
        unfinished.write_text(json.dumps({"starts": [asdict(start) for start in starts]}, indent=2) + "\n")


_PACKAGE = Path(__file__).resolve().parents[2]


def versions() -> dict[str, str]:
    """Of ours and of the libraries that compute."""
    found = {"bisenet": __version__, "torch": torch.__version__, "lightning": lightning_fabric.__version__,
             "numpy": np.__version__, "python": platform.python_version()}
    return {**found, "CUDA": torch.version.cuda} if torch.version.cuda else found


def git_state(folder: Path = _PACKAGE) -> dict[str, Any] | None:
    """``commit`` and whether tracked files were ``dirty``; None where ``folder``'s code is in no checkout.

    An installed package may lie within the checkout of something else, whose commit would say nothing.
    """
    try:
        if not _git(folder, "ls-files", "."):
            return None
        commit = _git(folder, "rev-parse", "HEAD")
        changes = _git(folder, "status", "--porcelain", "--untracked-files=no")
        return {"commit": commit, "dirty": bool(changes)}
    except (OSError, subprocess.SubprocessError):  # no git, no checkout, or another user's
        return None


def _git(folder: Path, *arguments: str) -> str:
    result = subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True,
                            text=True, timeout=10)
    return result.stdout.strip()


def hardware(processes: int, on_gpu: bool) -> str:
    """The processors that compute, in words: "2 x NVIDIA H200" or "Intel Xeon, 2 cores"."""
    if on_gpu:
        return f"{processes} x {torch.cuda.get_device_name()}"
    cores = f"{_processor()}, {len(os.sched_getaffinity(0))} cores"
    return f"{cores}, {processes} processes" if processes > 1 else cores


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    named = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())
