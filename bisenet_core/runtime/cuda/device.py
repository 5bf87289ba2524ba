"""The GPU through pycuda: CudaDevice (context, streams, memory, modules), and Buffer for copies both ways."""

import ctypes
import logging
import os
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Callable, Iterator, Tuple

import numpy as np

from bisenet_core.errors import BackendUnavailable, DeviceError
from bisenet_core.runtime.cuda.libcuda import load_libcuda

_LOGGER = logging.getLogger(__name__)

# CU_STREAM_NON_BLOCKING: pycuda has no name for it
_STREAM_NON_BLOCKING = 1
# From this compute capability on a Jetson's CPU caches pinned memory ("CUDA for Tegra", table 1).
_CACHES_PINNED = (7, 2)
# A large image is copied into pinned memory by so many threads, a part of at least so many bytes each.
_COPIERS = min(3, len(os.sched_getaffinity(0)))
_LEAST_PART = 1 << 20
# A wait begins without naps, which would add a tenth to a frame of a fast GPU.
_SPIN_S, _NAP_S = 2e-3, 1e-4


class CudaDevice:
    """Device 0 and its primary context, the one that TensorRT's own CUDA runtime uses.

    Retained by ``open``, released by ``close``. Calls may come from any thread: what follows must run inside
    ``with device.current()``, which makes the context current and lets one thread in at a time.

    A GPU that does not answer in time is given up by the whole process: every further call could wait for
    ever, those that free something too. What lies there is left, and kept from Python's garbage collection.
    """

    #: why this process does not touch the GPU any more; "" while it answers
    hung = ""
    _users: "weakref.WeakSet[Any]" = weakref.WeakSet()

    def __init__(self, driver: Any) -> None:
        """``driver`` is pycuda.driver, initialised, with a device."""
        self.driver = driver
        self._device = driver.Device(0)
        #: the GPU's own name, such as "NVIDIA H200"; asked now, since one that is lost does not answer
        self.name: str = self._device.name()
        integrated = bool(self._device.get_attribute(driver.device_attribute.INTEGRATED))
        #: whether the CPU caches pinned memory; else reading a frame's results there would take 5 ms and more
        self.caches_pinned: bool = not integrated or self.compute_capability >= _CACHES_PINNED
        #: copy parts of images beside the calling thread
        self.copiers = ThreadPoolExecutor(max(1, _COPIERS - 1))
        self._lock = threading.RLock()
        self._context = self._device.retain_primary_context()
        #: pieces of device and pinned memory taken so far; a frame must not add to it
        self.allocations = 0

    @classmethod
    def open(cls) -> "CudaDevice":
        """Raises BackendUnavailable, with the reason, where pycuda, the driver or a GPU is missing."""
        cls.check_answers()
        try:
            import pycuda.driver as driver
        except ImportError as error:
            raise BackendUnavailable(f"pycuda does not import ({_last_line(error)}): pip install pycuda, "
                                     "on a machine with an NVIDIA driver") from error
        try:
            driver.init()
            if not driver.Device.count():
                raise BackendUnavailable("the NVIDIA driver finds no GPU; see nvidia-smi")
            return cls(driver)
        except driver.Error as error:
            reason = _last_line(error)
            raise BackendUnavailable(f"the GPU cannot be used: {reason}; see nvidia-smi") from error

    @classmethod
    def check_answers(cls) -> None:
        """Raise BackendUnavailable if the GPU has not answered in this process before."""
        if cls.hung:
            raise BackendUnavailable(cls.hung)

    @contextmanager
    def current(self) -> Iterator[None]:
        """Make the context current in this thread; other threads wait. May be nested.

        Raises DeviceError for a GPU that was given up, RuntimeError after ``close``.
        """
        with self._lock:
            if self.hung:
                raise DeviceError(self.hung)
            if self._context is None:
                raise RuntimeError("this backend's GPU has been closed; open the model again")
            self._context.push()
            try:
                yield
            finally:
                if self._context is not None:
                    self._context.pop()

    @property
    def compute_capability(self) -> Tuple[int, int]:
        """(major, minor), such as (6, 2) of a Jetson TX2."""
        return tuple(self._device.compute_capability())

    def allocate(self, nbytes: int) -> Any:
        """Device memory: ``int(memory)`` is its address, ``memory.free()`` gives it back."""
        self.allocations += 1
        return self.driver.mem_alloc(nbytes)

    def pinned(self, shape: Tuple[int, ...], dtype: Any) -> np.ndarray:
        """Page-locked host memory, which the GPU reads and writes by itself; freed with the array."""
        self.allocations += 1
        return self.driver.pagelocked_empty(shape, dtype)

    def wait(self, is_done: Callable[[], bool], limit_s: float) -> None:
        """Wait until ``is_done``, such as an event's ``query``, returns True.

        Raises DeviceError after ``limit_s`` seconds, and gives the GPU up.
        """
        started = time.monotonic()
        while not is_done():
            waited = time.monotonic() - started
            # asked once more, since the process itself may have been stopped meanwhile
            if waited > limit_s and not is_done():
                raise self._give_up(waited)
            time.sleep(0.0 if waited < _SPIN_S else _NAP_S)

    def keep_if_hung(self, user: Any) -> None:
        """Let ``user``, which holds things of the driver, outlive the process if the GPU is given up."""
        self._users.add(user)

    def _give_up(self, waited: float) -> DeviceError:
        CudaDevice.hung = (
            f"{self.name} has not answered for {waited:.1f} s, and this process leaves it alone: restart the "
            "process, and the machine if that does not help (the kernel's log, dmesg, may say why: Xid)")
        for user in list(self._users):  # its destructors would wait, at the latest when Python ends
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(user))
        return DeviceError(self.hung)

    def stream(self) -> Any:
        """A new stream, which waits for no other."""
        return self.driver.Stream(_STREAM_NON_BLOCKING)

    def event(self) -> Any:
        """A new event that keeps the time."""
        return self.driver.Event()

    def load_module(self, image: bytes) -> Any:
        """A module from a cubin or PTX. Raises the driver's own Error for one that does not fit the GPU."""
        return self.driver.module_from_buffer(image)

    def close(self) -> None:
        """Release the primary context. Free all that was made in it before. Harmless when repeated."""
        with self._lock:
            self.copiers.shutdown()
            if self.hung:
                return
            context, self._context = self._context, None
            if context is not None:
                # Only a context that is current is released whatever thread opened it, and it stays on the
                # driver's stack of this thread, where pycuda has forgotten it.
                try:
                    context.push()
                    context.detach()
                    load_libcuda().cuCtxPopCurrent_v2(ctypes.byref(ctypes.c_void_p()))
                except self.driver.Error as error:  # of a GPU that is lost
                    _LOGGER.warning("the GPU's context is not released: %s", error)


class Buffer:
    """Device memory and as much on the host; both grow to the largest frame so far, and never shrink.

    The host's is pinned, and copies are only put on the stream. Where the CPU does not cache pinned memory it
    is pageable: ``upload`` then returns when the driver has its own copy, ``read`` copies from the device.
    Needs a current context.
    """

    def __init__(self, device: CudaDevice, nbytes: int = 0) -> None:
        self._device = device
        self._memory: Any = None
        self._host = np.empty(0, np.uint8)
        self.reserve(nbytes)

    @property
    def pointer(self) -> int:
        """Address of the device memory; changes when it grows."""
        return int(self._memory)

    def reserve(self, nbytes: int) -> "Buffer":
        """Have at least this many bytes; what was in them is lost when that takes new memory."""
        if nbytes > self._host.nbytes:
            self.close()
            self._memory = self._device.allocate(nbytes)
            take = self._device.pinned if self._device.caches_pinned else np.empty
            self._host = take((nbytes,), np.uint8)
        return self

    def upload(self, array: np.ndarray, stream: Any) -> None:
        """Copy an array of uint8, possibly a strided view, row after row without padding."""
        if not self._device.caches_pinned and array.flags.c_contiguous:
            self._device.driver.memcpy_htod_async(self.pointer, array, stream)
            return
        packed = self._packed(array.shape)
        count = max(1, min(_COPIERS, len(array), array.size // _LEAST_PART))
        bounds = [len(array) * index // count for index in range(count + 1)]
        parts = [slice(*pair) for pair in zip(bounds, bounds[1:])]
        copies = [self._device.copiers.submit(np.copyto, packed[part], array[part]) for part in parts[1:]]
        np.copyto(packed[parts[0]], array[parts[0]])
        for index, part in enumerate(parts):
            if index:
                copies[index - 1].result()
            self._device.driver.memcpy_htod_async(
                self.pointer + part.start * packed.strides[0], packed[part], stream)

    def download(self, shape: Tuple[int, ...], stream: Any) -> None:
        """Have the beginning of the device memory, a uint8 array of that shape, ready for ``read``."""
        if self._device.caches_pinned:
            self._device.driver.memcpy_dtoh_async(self._packed(shape), self.pointer, stream)

    def read(self, result: np.ndarray) -> None:
        """Copy into ``result`` (C-contiguous uint8) what was downloaded, once the stream was waited for."""
        if self._device.caches_pinned:
            np.copyto(result, self._packed(result.shape))
        else:
            self._device.driver.memcpy_dtoh(result, self.pointer)

    def _packed(self, shape: Tuple[int, ...]) -> np.ndarray:
        return self._host[:int(np.prod(shape))].reshape(shape)

    def close(self) -> None:
        """Free both. Harmless when repeated."""
        memory, self._memory = self._memory, None
        self._host = np.empty(0, np.uint8)
        if memory is not None:
            memory.free()


def _last_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines or [type(error).__name__])[-1].rstrip(".")
