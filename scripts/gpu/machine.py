"""Section machine: the hardware and the versions that the figures depend on."""

import importlib
import os
import platform
import shutil
import subprocess
from typing import Any

import numpy as np

from bisenet_core import __version__
from bisenet_core.errors import InputError
from gpu.section import Settings, Step, one_line

_ASKED = "name,driver_version,pstate,clocks.sm,clocks.mem,clocks.max.sm,power.limit,mig.mode.current"


def measure(_step: Step, settings: Settings) -> dict[str, Any]:
    """Names and versions, the GPU's clocks, and the ``bandwidth`` of a copy on it in bytes/s."""
    found = {
        "bisenet": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "system": platform.platform(),
        "cores": len(os.sched_getaffinity(0)),
        "nvidia_smi": _nvidia_smi(),
    }
    if settings.is_stand_in:
        return {**found, "device": f"{settings.backend} on a CPU ({platform.machine()}), a stand-in"}
    found.update((name, _version(name)) for name in ("tensorrt", "pycuda", "torch", "onnxruntime"))
    from gpu.engine_sections import open_device
    from gpu.kernel_sections import copy_bandwidth

    try:
        with open_device() as device:
            cuda = device.driver.get_driver_version()
            found.update(
                device=device.name, driver_cuda=f"{cuda // 1000}.{cuda % 1000 // 10}",
                bandwidth=copy_bandwidth(device),
                compute_capability="{}.{}".format(*device.compute_capability),
            )  # fmt: skip
    except InputError as error:  # what the versions say may be why
        raise InputError(f"{error}; found {found}") from error
    return found


def _version(module: str) -> str:
    """Of a library, or why it does not import here; other Pythons may have it."""
    try:
        imported = importlib.import_module(module)
    except Exception as error:  # a wheel for another driver raises whatever its loader does
        return one_line(error)
    return str(getattr(imported, "__version__", None) or getattr(imported, "VERSION_TEXT", "?"))


def _nvidia_smi() -> str:
    if not shutil.which("nvidia-smi"):
        return "not found"
    command = ["nvidia-smi", f"--query-gpu={_ASKED}", "--format=csv,noheader"]
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return result.stdout.strip()
