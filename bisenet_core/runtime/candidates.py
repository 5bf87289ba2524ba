"""The backends that "auto" tries, in their order, and the reasons why it passed over some."""

import ctypes
from typing import Callable, List, NamedTuple, Sequence, Tuple, TypeVar

from bisenet_core.errors import BackendUnavailable, DeviceError, InputError
from bisenet_core.runtime.cuda.device import CudaDevice

#: The driver's own library, which is there wherever an NVIDIA GPU can be used, on a Jetson too.
DRIVER = "libcuda.so.1"

_Opened = TypeVar("_Opened")


class Candidate(NamedTuple):
    """A library on a kind of processor."""

    backend: str                 # its name, and its library's
    device: str                  # "gpu" or "cpu"
    precisions: Tuple[str, ...]  # that it may have; which of them it has here, it says when it is opened
    tuned: str = ""              # where it was measured in the one precision it has here: what was found

    def __str__(self) -> str:
        return self.backend + (" on a GPU" if self.device == "gpu" else "")


#: In order of preference.
CANDIDATES = (
    Candidate("tensorrt", "gpu", ("fp16", "fp32", "int8")),
    Candidate("onnxruntime", "gpu", ("fp32", "fp16")),
    Candidate("openvino", "cpu", ("int8", "bf16", "fp32")),
    Candidate("onnxruntime", "cpu", ("fp32", "int8")),
)


class Absent(BackendUnavailable):
    """Something that is simply not installed, which needs no warning. ``brief`` names it in a few words."""

    def __init__(self, brief: str, message: str) -> None:
        super().__init__(message)
        self.brief = brief


class PassedOver(NamedTuple):
    """A candidate that did not open."""

    text: str    # why
    is_odd: bool  # whether it looks as if it should have opened


def candidates_for(backend: str, precision: str) -> List[Candidate]:
    """The candidates to try, in order. Raises InputError for a name, or with "auto" a precision, of none."""
    if backend != "auto":
        named = [one for one in CANDIDATES if one.backend == backend]
        if not named:
            raise InputError("unknown backend '{}'; use one of auto, {}".format(
                backend, ", ".join(dict.fromkeys(one.backend for one in CANDIDATES))))
        return named
    fit = [one for one in CANDIDATES if precision == "auto" or precision in one.precisions]
    if not fit:
        raise InputError("precision '{}' is not available with any backend; use one of auto, {}".format(
            precision, ", ".join(sorted({name for one in CANDIDATES for name in one.precisions}))))
    return fit


def open_first(candidates: Sequence[Candidate],
               open_one: Callable[[Candidate], _Opened]) -> Tuple[_Opened, Candidate, List[PassedOver]]:
    """Open the first of ``candidates`` that can be: (what ``open_one`` gave, the candidate, the ones before).

    A GPU, and what was tuned, is passed over whatever is wrong; on a CPU, a model that cannot be loaded is
    refused at once. Where none opens, raises the error of the last if all are one backend's, else
    BackendUnavailable with all.
    """
    passed = []  # type: List[PassedOver]
    for candidate in candidates:
        try:
            return open_one(candidate), candidate, passed
        except (InputError, DeviceError) as error:  # noqa: PERF203 - a try for each is what this is for
            if candidate.device == "cpu" and not (candidate.tuned or isinstance(error, BackendUnavailable)):
                raise
            passed.append(_passed_over(candidate, error))
            last = error
    if len({one.backend for one in candidates}) == 1:
        raise last
    on_cpu = any(one.device == "cpu" for one in candidates)
    advice = "pip install openvino" if on_cpu else "see docs/gpu.md, or choose another precision"
    raise BackendUnavailable(f"no backend can be had here: {explain(passed)}; {advice}")


def explain(passed: Sequence[PassedOver]) -> str:
    """Why candidates were passed over, each reason once."""
    return "; ".join(dict.fromkeys(one.text for one in passed))


def check_driver() -> None:
    """Raise Absent where there is no NVIDIA driver: cheaper than to import a GPU library to be told so.

    Raises BackendUnavailable for a GPU that this process has given up, since every library would wait for it.
    """
    CudaDevice.check_answers()
    try:
        ctypes.CDLL(DRIVER)
    except OSError as error:
        raise Absent(f"no NVIDIA driver ({DRIVER})", f"there is no NVIDIA driver here: {error}") from error


def _passed_over(candidate: Candidate, error: Exception) -> PassedOver:
    if isinstance(error, Absent):
        return PassedOver(error.brief, is_odd=False)
    return PassedOver(f"{candidate}: {error}", is_odd=True)
