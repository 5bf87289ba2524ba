"""One section in a process of its own: python -m bisenet_core.benchmarks.gpu.section REQUEST RESULT.

A crash in a driver, a hang or a library of another Python then costs this section and no other.
"""

import hashlib
import importlib
import json
import socket
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bisenet_core.benchmarks.gpu.plan import Step
from bisenet_core.benchmarks.gpu.settings import Settings
from bisenet_core.errors import InputError
from bisenet_core.files import replacing

DONE, NOT_RUN, FAILED = "done", "not run", "failed"

#: Section -> the function that measures it.
FUNCTIONS = {
    "machine": "bisenet_core.benchmarks.gpu.machine:measure",
    "build": "bisenet_core.benchmarks.gpu.engines:measure",
    "parity": "bisenet_core.benchmarks.gpu.parity:measure",
    "network": "bisenet_core.benchmarks.gpu.speed:measure_network",
    "segment": "bisenet_core.benchmarks.gpu.speed:measure_segment",
    "postprocess": "bisenet_core.benchmarks.gpu.memory_floor:measure",
    "plain_tensorrt": "bisenet_core.benchmarks.gpu.plain_tensorrt:measure",
    "pytorch": "bisenet_core.benchmarks.gpu.torch_cuda_graph:measure",
    "onnxruntime": "bisenet_core.benchmarks.gpu.onnxruntime_cuda:measure",
}


def run_section(step: Step, settings: Settings) -> dict[str, Any]:
    """``status`` and, with it, what was ``measured`` or the ``reason`` that nothing was."""
    try:
        return {"status": DONE, "measured": _function(step.section)(step, settings)}
    except (InputError, ImportError) as error:  # what it takes is not here
        return {"status": NOT_RUN, "reason": one_line(error)}
    except Exception as error:  # whatever it is, the other sections go on and the report says it
        return {"status": FAILED, "reason": one_line(error), "traceback": traceback.format_exc()}


def one_line(error: BaseException) -> str:
    """``TypeError: what happened`` without line ends; of our own errors the message alone."""
    text = " ".join(str(error).split())
    return text if isinstance(error, InputError) and text else f"{type(error).__name__}: {text}"


def _function(section: str) -> Callable[[Step, Settings], dict[str, Any]]:
    module, name = FUNCTIONS[section].split(":")
    return getattr(importlib.import_module(module), name)


def main(request: str, result: str) -> None:
    """Run what ``request`` asks for, and write what came of it to ``result``, whole or not at all."""
    content = json.loads(Path(request).read_text())
    record = run_section(Step(*content["step"]), Settings.from_json(content["settings"]))
    record["host"] = hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]  # to tell hosts apart
    with replacing(Path(result)) as unfinished:
        unfinished.write_text(json.dumps(record))


if __name__ == "__main__":
    main(*sys.argv[1:])
