"""The NVIDIA driver's own library: CUDA graphs, which pycuda lacks, and a GPU's name without pycuda."""

import ctypes
from typing import Any, Callable

from bisenet_core.errors import BackendUnavailable

_NAME_LENGTH = 100
# CU_STREAM_CAPTURE_MODE_RELAXED: calls of other threads, such as another node's, do not spoil the capture
_RELAXED = 2


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


class GraphError(RuntimeError):
    """The work cannot be captured here; it still runs launch by launch."""


class CudaGraph:
    """What ``work`` put on ``stream``, as an executable graph. Needs a current context and CUDA 10.1."""

    def __init__(self, stream: Any, work: Callable[[], None]) -> None:
        """Raises GraphError where the driver or the work does not allow it; the stream is then as before."""
        self._library = load_libcuda()
        self._executable = ctypes.c_void_p()
        graph = self._capture(stream, work)
        try:
            self._instantiate(graph)
        finally:
            self._library.cuGraphDestroy(graph)

    def _capture(self, stream: Any, work: Callable[[], None]) -> ctypes.c_void_p:
        handle, graph = ctypes.c_void_p(stream.handle), ctypes.c_void_p()
        self._check("cuStreamBeginCapture_v2", handle, _RELAXED)
        try:
            work()
        except Exception as error:  # whatever the library raises, the stream must leave capture mode
            self._library.cuStreamEndCapture(handle, ctypes.byref(graph))
            if graph:  # what was captured until then
                self._library.cuGraphDestroy(graph)
            raise GraphError(str(error)) from error
        self._check("cuStreamEndCapture", handle, ctypes.byref(graph))
        return graph

    def _instantiate(self, graph: ctypes.c_void_p) -> None:
        target = ctypes.byref(self._executable)
        if hasattr(self._library, "cuGraphInstantiateWithFlags"):  # CUDA 11.4 and later
            self._check("cuGraphInstantiateWithFlags", target, graph, ctypes.c_ulonglong(0))
        else:
            self._check("cuGraphInstantiate", target, graph, None, None, ctypes.c_size_t(0))

    def launch(self, stream: Any) -> None:
        """Put the recorded work on a stream once more. Raises GraphError."""
        self._check("cuGraphLaunch", self._executable, ctypes.c_void_p(stream.handle))

    def close(self) -> None:
        """Free the graph. Harmless when repeated."""
        executable, self._executable = self._executable, ctypes.c_void_p()
        if executable:
            self._library.cuGraphExecDestroy(executable)

    def _check(self, name: str, *arguments: Any) -> None:
        if not hasattr(self._library, name):
            raise GraphError(f"the driver has no {name}")
        status = getattr(self._library, name)(*arguments)
        if status:
            raise GraphError(f"{name} failed with CUDA error {status}")
