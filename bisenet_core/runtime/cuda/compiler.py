"""compile_kernels: compile kernels.cu for one GPU, once, and keep the machine code.

nvcc compiles where there is one (JetPack and every CUDA toolkit have it), otherwise NVRTC, which comes with
ONNX Runtime's, PyTorch's and CuPy's CUDA packages too.
"""

import hashlib
import logging
import os
import shutil
import subprocess
import tempfile
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Callable, Iterator, List, NamedTuple, Optional, Tuple, Union

from bisenet_core.errors import BackendUnavailable
from bisenet_core.runtime.cuda.nvrtc import Nvrtc, NvrtcError
from bisenet_core.runtime.private_files import make_private_folder, read_private, write_private

_LOGGER = logging.getLogger(__name__)

_FOLDER = Path(__file__).resolve().parent
_SOURCE, _HEADERS = "kernels.cu", ("outputs.h", "pixel_math.h", "tile.h")
# Without fused multiplications: the results are to be those of the CPU's code.
_OPTIONS = ("--fmad=false", "--std=c++11")
_DIGEST = hashlib.sha256().digest_size
_TIMEOUT_S = 600.0  # seconds; nvcc takes two on a desktop


class _Compiler(NamedTuple):
    name: str
    version: Callable[[], str]
    run: Callable[[Tuple[int, int]], bytes]


class _CompileError(RuntimeError):
    """What a compiler said, in one line."""


def compile_kernels(compute_capability: Tuple[int, int], cache_folder: Union[str, Path]) -> bytes:
    """The kernels as a module image (cubin, or PTX from an old NVRTC) for a GPU of that compute capability.

    Kept in ``cache_folder``, which is made with mode 0700, under a name that holds the hash of the sources,
    the compiler's version and the GPU's architecture. Raises BackendUnavailable where no compiler is found or
    none compiles, InputError for a folder that others can write into; of one that cannot be written it warns.
    """
    folder = Path(cache_folder)
    with suppress(OSError):  # the warning comes when there is something to keep
        make_private_folder(folder)
    reasons: List[str] = []
    attempts = (_read_or_compile(compiler, compute_capability, folder, reasons) for compiler in _compilers())
    image = next(filter(None, attempts), None)
    if image is None:
        raise BackendUnavailable(_failure_message(compute_capability, reasons))
    return image


def _read_or_compile(compiler: _Compiler, capability: Tuple[int, int], folder: Path,
              reasons: List[str]) -> Optional[bytes]:
    """The image from the cache or from this compiler; None after adding to ``reasons`` why not."""
    try:
        path = folder / "kernels-{}.cubin".format(_key(compiler.version(), capability))
        image = _read_kept(path)
        if image is None:
            image = compiler.run(capability)
            _write_kept(path, image)
        return image
    except (_CompileError, OSError) as error:  # such as without a temporary folder
        reasons.append(f"{compiler.name}: {error}")
        return None


def _compilers() -> Iterator[_Compiler]:
    nvcc = _find_nvcc()
    if nvcc:
        yield _Compiler(nvcc, partial(_run, [nvcc, "--version"]), partial(_run_nvcc, nvcc))
    nvrtc = Nvrtc.find(_cuda_home())
    if nvrtc:
        yield _Compiler(nvrtc.identity, lambda: nvrtc.identity, partial(_run_nvrtc, nvrtc))


def _cuda_home() -> str:
    named = os.environ.get("CUDA_HOME") or os.environ.get("CUDA_PATH") or ""
    return named if os.path.isabs(named) else "/usr/local/cuda"


def _find_nvcc() -> Optional[str]:
    # JetPack does not put it on the PATH.
    places = [os.path.join(_cuda_home(), "bin"), *os.environ.get("PATH", "").split(os.pathsep)]
    # an empty place is the current folder, whose nvcc anybody may have put there
    return shutil.which("nvcc", path=os.pathsep.join(filter(os.path.isabs, places)))


def _run_nvcc(nvcc: str, capability: Tuple[int, int]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "kernels.cubin"
        _run([nvcc, "-cubin", "-arch=sm_{}{}".format(*capability), *_OPTIONS, "-o", str(target),
              str(_FOLDER / _SOURCE)])
        return target.read_bytes()


def _run(command: List[str]) -> str:
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=_TIMEOUT_S,
                              universal_newlines=True, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _CompileError(str(error)) from error
    if done.returncode:
        raise _CompileError(_error_line(done.stdout) or f"exit status {done.returncode}")
    return done.stdout


def _run_nvrtc(nvrtc: Nvrtc, capability: Tuple[int, int]) -> bytes:
    headers = {name: (_FOLDER / name).read_text() for name in _HEADERS}
    try:
        return nvrtc.compile((_FOLDER / _SOURCE).read_text(), headers, capability, _OPTIONS)
    except NvrtcError as error:
        raise _CompileError(_error_line(str(error))) from error


def _error_line(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return next((line for line in lines if "error" in line or "fatal" in line), " ".join(lines[-1:]))


def _key(version: str, capability: Tuple[int, int]) -> str:
    content = hashlib.sha256(repr((version, capability, _OPTIONS)).encode())
    for name in (_SOURCE, *_HEADERS):
        content.update((_FOLDER / name).read_bytes())
    return "sm{}{}-{}".format(*capability, content.hexdigest()[:32])


def _read_kept(path: Path) -> Optional[bytes]:
    """The image in the cache, or None; one that is not as it was written is compiled again."""
    if not os.path.lexists(str(path)):  # Path.exists raises where a folder above cannot be entered
        return None
    try:
        content = read_private(path)
    except OSError as error:
        _LOGGER.warning("the kernels in %s are compiled again: %s", path, error)
        return None
    image = content[_DIGEST:]
    if hashlib.sha256(image).digest() != content[:_DIGEST]:
        _LOGGER.warning("the kernels in %s are compiled again: the file is damaged", path)
        return None
    return image


def _write_kept(path: Path, image: bytes) -> None:
    try:
        write_private(path, hashlib.sha256(image).digest() + image)
    except OSError as error:  # compiling again next time is no reason to do without a GPU now
        _LOGGER.warning("the kernels cannot be kept in %s: %s", path, error.strerror)


def _failure_message(capability: Tuple[int, int], reasons: List[str]) -> str:
    if not reasons:
        return ("the CUDA kernels cannot be compiled: no nvcc ($CUDA_HOME/bin, PATH, /usr/local/cuda/bin) "
                "and no libnvrtc found; install the CUDA toolkit, or pip install nvidia-cuda-nvrtc of the "
                "driver's CUDA version")
    return ("the CUDA kernels do not compile for compute capability {}.{}: {}; install a CUDA toolkit that "
            "knows this GPU".format(*capability, "; ".join(reasons)))
