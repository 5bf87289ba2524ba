"""The NVIDIA driver's own library, for the little that pycuda has no name for."""

import ctypes
from typing import Any

from bisenet_core.errors import BackendUnavailable

_NAME_LENGTH = 100


def load_libcuda() -> Any:
    """The library, by ctypes. Raises OSError where there is no driver."""
    return ctypes.CDLL("libcuda.so.1")


def gpu_name() -> str:
    """Name of GPU 0, such as "NVIDIA H200". Raises BackendUnavailable where there is no driver or GPU."""
    try:
        library = load_libcuda()
    except OSError as error:
        raise BackendUnavailable(f"there is no NVIDIA driver here ({error})") from error
    name, device = ctypes.create_string_buffer(_NAME_LENGTH), ctypes.c_int()
    if (library.cuInit(0) or library.cuDeviceGet(ctypes.byref(device), 0)
            or library.cuDeviceGetName(name, _NAME_LENGTH, device)):
        raise BackendUnavailable("the NVIDIA driver finds no usable GPU; see nvidia-smi")
    return name.value.decode()
