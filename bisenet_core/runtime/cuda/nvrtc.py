"""NVRTC, CUDA's run-time compiler, through ctypes: for machines that have its library and no nvcc."""

import ctypes
import glob
import os
import sys
from ctypes import byref, c_char_p, c_int, c_size_t, c_void_p
from typing import Any, Iterator, Mapping, Optional, Tuple

# Of CUDA 13, 12, 11 (whose minor versions differ) and JetPack's 10.2, where the loader finds them by itself.
_VERSIONS = ("13", "12", "11.2", "11.1", "11.0", "10.2")


class NvrtcError(RuntimeError):
    """NVRTC refused; the message is its own."""


class Nvrtc:
    """One loaded NVRTC library."""

    def __init__(self, library: Any) -> None:
        self._library = library
        library.nvrtcGetErrorString.restype = c_char_p
        major, minor = c_int(), c_int()
        self._check(library.nvrtcVersion(byref(major), byref(minor)))
        #: Name and version, for messages and cache keys.
        self.identity = f"NVRTC {major.value}.{minor.value}"

    @classmethod
    def find(cls, cuda_home: str) -> Optional["Nvrtc"]:
        """The first that loads: below ``cuda_home``, the loader's own, one that pip installed; or None."""
        return next(filter(None, map(cls._load, _candidates(cuda_home))), None)

    @classmethod
    def _load(cls, path: str) -> Optional["Nvrtc"]:
        try:
            _load_builtins(os.path.dirname(path))
            return cls(ctypes.CDLL(path))
        except (OSError, AttributeError, NvrtcError):
            return None

    def compile(self, source: str, headers: Mapping[str, str], capability: Tuple[int, int],
                options: Tuple[str, ...], form: str = "CUBIN") -> bytes:
        """``source`` as machine code for that compute capability; as PTX where NVRTC is older than 11.1."""
        # PTX would be compiled once more by the driver, which may be older than this library.
        if not hasattr(self._library, "nvrtcGetCUBIN"):
            form = "PTX"
        architecture = "{}_{}{}".format("sm" if form == "CUBIN" else "compute", *capability)
        program = self._program(source, headers)
        locale = _locale(None)
        try:
            arguments = _strings(["--gpu-architecture=" + architecture, *options])
            code = self._library.nvrtcCompileProgram(program, len(arguments), arguments)
            if code:
                raise NvrtcError(self._read(program, "ProgramLog").rstrip(b"\0").decode("utf-8", "replace"))
            return self._read(program, form)
        finally:
            self._library.nvrtcDestroyProgram(byref(program))
            _locale(locale)  # NVRTC 11.8 leaves this thread in "C", where Python reads files as ASCII

    def _program(self, source: str, headers: Mapping[str, str]) -> c_void_p:
        program = c_void_p()
        self._check(self._library.nvrtcCreateProgram(
            byref(program), source.encode(), b"kernels.cu", len(headers), _strings(headers.values()),
            _strings(headers)))
        return program

    def _read(self, program: c_void_p, what: str) -> bytes:
        size = c_size_t()
        self._check(getattr(self._library, "nvrtcGet" + what + "Size")(program, byref(size)))
        content = ctypes.create_string_buffer(size.value)
        self._check(getattr(self._library, "nvrtcGet" + what)(program, content))
        return content.raw

    def _check(self, code: int) -> None:
        if code:
            raise NvrtcError(self._library.nvrtcGetErrorString(code).decode("utf-8", "replace"))


def _candidates(cuda_home: str) -> Iterator[str]:
    yield from sorted(glob.glob(os.path.join(cuda_home, "lib64", "libnvrtc.so*")))
    yield from ("libnvrtc.so." + version for version in _VERSIONS)
    for folder in sys.path:
        yield from sorted(glob.glob(os.path.join(folder, "nvidia", "*", "lib", "libnvrtc.so.*")))


def _load_builtins(folder: str) -> None:
    # NVRTC opens them by name at the first compilation, and pip's of CUDA 13 does not look beside itself.
    if folder:
        for path in glob.glob(os.path.join(folder, "libnvrtc-builtins.so.*")):
            ctypes.CDLL(path)


def _locale(new: Optional[int]) -> Optional[int]:
    """Set the calling thread's locale, unless it is None; returns the one before. For glibc."""
    uselocale = ctypes.CDLL(None).uselocale
    uselocale.restype, uselocale.argtypes = c_void_p, [c_void_p]
    return uselocale(new)


def _strings(values: Any) -> Any:
    encoded = [value.encode() for value in values]
    return (c_char_p * len(encoded))(*encoded)
