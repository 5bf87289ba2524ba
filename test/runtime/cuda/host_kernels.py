"""kernels.cu compiled for the host, behind the few of PyCUDA's calls that FrameKernels makes.

`HostModule(host_library(folder))` stands in for a pycuda.driver module; pointers are host addresses.
"""

import ctypes
import shutil
import subprocess
from pathlib import Path
from threading import Lock

import pytest

import bisenet_core.runtime.cuda as cuda

SOURCES = Path(cuda.__file__).parent
_CTYPES = {"P": ctypes.c_void_p, "i": ctypes.c_int, "f": ctypes.c_float, "d": ctypes.c_double}
_LOCK = Lock()  # the host's threads and shared memory are static


class _Dim3(ctypes.Structure):
    _fields_ = [("x", ctypes.c_uint), ("y", ctypes.c_uint), ("z", ctypes.c_uint)]


def host_library(folder, options=()):
    """Compile the kernels for the host into ``folder`` and load them; skips where there is no g++."""
    if not shutil.which("g++"):
        pytest.skip("g++, which compiles the kernels for the host, is not installed")
    target = Path(str(folder)) / "libhost_kernels.so"
    source = Path(__file__).with_name("cuda_on_host.cpp")
    subprocess.run(["g++", "-O2", "-std=c++14", "-ffp-contract=off", "-shared", "-fPIC",
                    *options, "-I", str(SOURCES), "-o", str(target), str(source)], check=True)
    library = ctypes.CDLL(str(target))
    library.host_signature.restype = ctypes.c_char_p
    library.host_launch.argtypes = [ctypes.c_char_p, _Dim3, _Dim3, ctypes.c_uint,
                                    ctypes.POINTER(ctypes.c_void_p)]
    return library


class HostModule:
    """Like pycuda.driver.Module."""

    def __init__(self, library):
        self._library = library

    def get_function(self, name):
        if self._library.host_signature(name.encode()) is None:
            raise LookupError("cuModuleGetFunction failed: named symbol not found")
        return HostFunction(self._library, name)


class HostFunction:
    """Like pycuda.driver.Function; refuses argument types that are not the kernel's own."""

    def __init__(self, library, name):
        self._library, self._name, self._types = library, name.encode(), None

    def prepare(self, arg_types):
        expected = self._library.host_signature(self._name).decode()
        assert arg_types == expected, "{}: prepared for {}, takes {}".format(self._name, arg_types, expected)
        self._types = arg_types
        return self

    def prepared_async_call(self, grid, block, stream, *args, shared_size=0):
        assert len(args) == len(self._types)
        assert len(block) == 3 and block[0] * block[1] * block[2] <= 1024 and shared_size <= 48 << 10
        values = [_CTYPES[letter](_plain(value, letter)) for letter, value in zip(self._types, args)]
        pointers = (ctypes.c_void_p * len(values))(*[ctypes.addressof(value) for value in values])
        with _LOCK:
            self._library.host_launch(self._name, _dim3(grid), _dim3(block), shared_size, pointers)


def _plain(value, letter):
    return float(value) if letter in "fd" else int(value)


def _dim3(size):
    return _Dim3(*(tuple(size) + (1, 1))[:3])
