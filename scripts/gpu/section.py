"""One section of a gpu-check as a process: python -m gpu.section REQUEST RESULT.

A crash in a driver, a hang or a library of another Python then costs this section and no other.
"""

import ctypes
import importlib
import json
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from bisenet_core.errors import InputError, printable
from bisenet_core.files import replacing

_PR_SET_PDEATHSIG = 1  # of Linux

DONE, NOT_RUN, FAILED = "done", "not run", "failed"

#: Section -> (the library that its process needs, the module here and the function that measure it).
SECTIONS = {
    "machine": ("tensorrt", "machine", "measure"),
    "kernels": ("tensorrt", "kernel_sections", "measure_agreement"),
    "build": ("tensorrt", "engine_sections", "measure_build"),
    "parity": ("tensorrt", "segmenter_sections", "measure_parity"),
    "network": ("tensorrt", "engine_sections", "measure_network"),
    "segment": ("tensorrt", "segmenter_sections", "measure_segment"),
    "postprocess": ("tensorrt", "kernel_sections", "measure_postprocess"),
    "memcheck": ("tensorrt", "kernel_sections", "measure_sanitizer"),
    "racecheck": ("tensorrt", "kernel_sections", "measure_sanitizer"),
    "pytorch": ("torch", "torch_cuda_graph", "measure"),
    "onnxruntime": ("onnxruntime", "segmenter_sections", "measure_onnxruntime"),
}

Size = tuple[int, int]


@dataclass(frozen=True)
class Settings:
    """What is measured, how often, with which programs. Sizes are (width, height)."""

    kit: Path
    work: Path  # logs, engines
    subjects: tuple[str, ...]
    main: str = "bisenetv2"  # the one that the others' ways are measured against
    precisions: tuple[str, ...] = ("fp32", "fp16")
    cameras: tuple[Size, ...] = ((1280, 720), (1920, 1080), (2048, 1024))
    frames: int = 500
    warm_up: int = 50
    rounds: int = 3  # of what is compared side by side
    backend: str = "tensorrt"  # another is a stand-in, for trying the check itself
    timeout: float = 300.0  # s, of one section
    budget: float = 0.0  # s, of the whole check; 0 is no limit
    is_first: bool = False  # the least that a first quarter of an hour on a GPU should tell
    #: library ("tensorrt", "torch", "onnxruntime") -> the Python that has it; ours by default
    pythons: dict[str, str] = field(default_factory=dict)

    @property
    def is_stand_in(self) -> bool:
        """Whether the figures say nothing about a GPU."""
        return self.backend != "tensorrt"

    def to_json(self) -> dict[str, Any]:
        """The same as a JSON object."""
        return {**asdict(self), "kit": str(self.kit), "work": str(self.work)}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "Settings":
        """The reverse of ``to_json``."""
        return cls(**{
            **content, "kit": Path(content["kit"]), "work": Path(content["work"]),
            "subjects": tuple(content["subjects"]), "precisions": tuple(content["precisions"]),
            "cameras": tuple(map(tuple, content["cameras"])),
        })  # fmt: skip


class Step(NamedTuple):
    """One section about one network of the kit."""

    section: str
    subject: str
    precision: str
    round: int = 0

    def __str__(self) -> str:
        return "-".join(filter(None, (*self[:3], str(self.round))))


def write_request(step: Step, settings: Settings, name: str) -> tuple[str, str]:
    """Files for a process of this module: the request, and where its result is to be."""
    request, result = (settings.work / f"{name}.{kind}" for kind in ("request", "result"))
    result.unlink(missing_ok=True)
    request.write_text(json.dumps({"step": list(step), "settings": settings.to_json()}))
    return str(request.resolve()), str(result.resolve())


def run_section(step: Step, settings: Settings) -> dict[str, Any]:
    """``status`` and, with it, what was ``measured`` or the ``reason`` that nothing was."""
    _, module, function = SECTIONS[step.section]
    try:
        measure = _find(module, function)
        return {"status": DONE, "measured": measure(step, settings)}
    except (InputError, ImportError) as error:  # what it takes is not here
        return {"status": NOT_RUN, "reason": one_line(error)}
    except Exception as error:  # whatever it is, the other sections go on and the report says it
        return {"status": FAILED, "reason": one_line(error), "traceback": traceback.format_exc()}


def one_line(error: BaseException) -> str:
    """``TypeError: what happened`` without line ends; of our own errors the message alone."""
    text = printable(" ".join(str(error).split()))
    return text if isinstance(error, InputError) and text else f"{type(error).__name__}: {text}"


def size_text(size: Size) -> str:
    """``(1280, 720)`` -> ``"1280x720"``."""
    return "{}x{}".format(*size)


def _find(module: str, function: str) -> Callable[[Step, Settings], dict[str, Any]]:
    return getattr(importlib.import_module(f"gpu.{module}"), function)


def main(request: str, result: str) -> None:
    """Run what the file ``request`` asks for; write the outcome to ``result``, whole or not at all."""
    # the check may be killed outright: nothing of it must stay on the GPU
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    content = json.loads(Path(request).read_text())
    record = run_section(Step(*content["step"]), Settings.from_json(content["settings"]))
    with replacing(Path(result)) as unfinished:
        unfinished.write_text(json.dumps(record))


if __name__ == "__main__":
    main(*sys.argv[1:])
