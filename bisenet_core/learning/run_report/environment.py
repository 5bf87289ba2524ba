"""Record what a result depends on besides its recipe: versions, the commit, the machine."""

import os
import platform
import subprocess
from pathlib import Path
from typing import Any

import lightning_fabric
import numpy as np
import torch

from bisenet_core import __version__

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
