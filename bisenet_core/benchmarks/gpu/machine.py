"""Section machine: the hardware and the versions that the figures depend on."""

import os
import platform
import shutil
import subprocess
from typing import Any

import numpy as np

from bisenet_core import __version__
from bisenet_core.benchmarks.gpu.section import Settings, Step

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
    import pycuda
    import tensorrt as trt

    from bisenet_core.benchmarks.gpu.engine_sections import open_device
    from bisenet_core.benchmarks.gpu.memory_floor import copy_bandwidth

    with open_device() as device:
        return {
            **found,
            "tensorrt": trt.__version__,
            "pycuda": pycuda.VERSION_TEXT,
            "device": device.name,
            "compute_capability": "{}.{}".format(*device.compute_capability),
            "driver_cuda": device.driver_version,
            "bandwidth": copy_bandwidth(device),
        }


def _nvidia_smi() -> str:
    if not shutil.which("nvidia-smi"):
        return "not found"
    command = ["nvidia-smi", f"--query-gpu={_ASKED}", "--format=csv,noheader"]
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return result.stdout.strip()
