"""Buffer: the two ends of a copy between host and device, taken once and kept."""

from typing import Any, Tuple

import numpy as np

from bisenet_core.runtime.cuda.device import CudaDevice

# A part of this size crosses the bus while the processor copies the next into pinned memory.
_PART = 1 << 20


class Buffer:
    """Device memory and as much pinned memory; both grow to the largest frame so far, and never shrink.

    Needs a current context; the copies are only put on the stream.
    """

    def __init__(self, device: CudaDevice, nbytes: int = 0) -> None:
        self._device = device
        self._memory: Any = None
        self._pinned = np.empty(0, np.uint8)
        self.reserve(nbytes)

    @property
    def pointer(self) -> int:
        """Address of the device memory; changes when it grows."""
        return int(self._memory)

    def reserve(self, nbytes: int) -> "Buffer":
        """Have at least this many bytes; what was in them is lost when that takes new memory."""
        if nbytes > self._pinned.nbytes:
            self.close()
            self._memory = self._device.allocate(nbytes)
            self._pinned = self._device.pinned((nbytes,), np.uint8)
        return self

    def upload(self, array: np.ndarray, stream: Any) -> None:
        """Copy an array of uint8, possibly a strided view, row after row without padding."""
        packed = self.host(array.shape)
        rows = max(1, _PART * len(array) // array.size)
        for first in range(0, len(array), rows):
            part = packed[first:first + rows]
            np.copyto(part, array[first:first + rows])
            offset = first * packed.strides[0]
            self._device.driver.memcpy_htod_async(self.pointer + offset, part, stream)

    def download(self, shape: Tuple[int, ...], stream: Any) -> None:
        """Copy the beginning of the device memory into that of ``host``."""
        self._device.driver.memcpy_dtoh_async(self.host(shape), self.pointer, stream)

    def host(self, shape: Tuple[int, ...]) -> np.ndarray:
        """The pinned memory's beginning as a uint8 array: a view, which the next copy changes."""
        return self._pinned[:int(np.prod(shape))].reshape(shape)

    def close(self) -> None:
        """Free both. Harmless when repeated."""
        memory, self._memory = self._memory, None
        self._pinned = np.empty(0, np.uint8)
        if memory is not None:
            memory.free()
